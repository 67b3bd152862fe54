"""The two ONNX exporters of torch on EfficientNet-Lite0: seconds for each, and how far each graph is from torch.

    python benchmarks/onnx_export.py [ROUNDS]

Needs the extra `train` and, for the dynamo exporter, the package onnxscript. The exporters take turns, so that a busy
machine slows both; the first round is told apart, since it also pays for their imports. Every graph runs at sizes it
was not exported at: the error is the largest absolute difference from torch over all outputs and sizes.
"""

from __future__ import annotations

import contextlib
import io
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch

from petmood.features.efficientnet_lite import VARIANTS

OUTPUTS = ["map", "features", "logits"]
SIZES = (160, 224, 288)


def export_torchscript(network: torch.nn.Module, pixels: torch.Tensor, target: Path) -> None:
    """Export the way petmood does."""
    torch.onnx.export(
        network,
        (pixels,),
        str(target),
        dynamo=False,
        opset_version=17,
        input_names=["pixels"],
        output_names=OUTPUTS,
        dynamic_axes={"pixels": {0: "n", 2: "h", 3: "w"}, **{name: {0: "n"} for name in OUTPUTS}},
    )


def export_dynamo(network: torch.nn.Module, pixels: torch.Tensor, target: Path) -> None:
    """Export with the newer exporter."""
    any_size = torch.export.Dim.DYNAMIC
    program = torch.onnx.export(
        network,
        (pixels,),
        dynamo=True,
        opset_version=18,
        input_names=["pixels"],
        output_names=OUTPUTS,
        dynamic_shapes={"pixels": {0: any_size, 2: any_size, 3: any_size}},
    )
    assert program is not None
    program.save(str(target))


def error_against_torch(network: torch.nn.Module, graph: Path) -> float:
    """Largest absolute difference over outputs and sizes, on seeded noise."""
    session = ort.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(0)
    worst = 0.0
    for size in SIZES:
        pixels = torch.randn(3, 3, size, size, generator=generator)
        with torch.no_grad():
            expected = network(pixels)
        for got, wanted in zip(session.run(OUTPUTS, {"pixels": pixels.numpy()}), expected, strict=True):
            worst = max(worst, float(np.abs(got - wanted.numpy()).max()))
    return worst


def main(rounds: int) -> None:
    """Time both exporters in turn and print the table."""
    network = VARIANTS[0].network()
    pixels = torch.zeros(2, 3, 224, 224)
    exporters: dict[str, Callable[[torch.nn.Module, torch.Tensor, Path], None]] = {
        "torchscript": export_torchscript,
        "dynamo": export_dynamo,
    }
    seconds: dict[str, list[float]] = {name: [] for name in exporters}
    errors: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for name, export in exporters.items():
                graph = Path(folder) / f"{name}.onnx"
                start = time.perf_counter()
                with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
                    warnings.simplefilter("ignore")
                    export(network, pixels, graph)
                seconds[name].append(time.perf_counter() - start)
                errors[name] = error_against_torch(network, graph)
    print(f"torch {torch.__version__}, ONNX Runtime {ort.__version__}, {rounds} rounds")
    print(f"{'exporter':<12} {'first':>8} {'median':>8}  largest error")
    for name, times in seconds.items():
        print(f"{name:<12} {times[0]:>6.2f} s {statistics.median(times[1:]):>6.2f} s  {errors[name]:.1e}")
    medians = {name: statistics.median(times[1:]) for name, times in seconds.items()}
    print(f"dynamo takes {medians['dynamo'] / medians['torchscript']:.0f} times as long")


if __name__ == "__main__":
    main(rounds=max(2, int(sys.argv[1])) if len(sys.argv) > 1 else 4)
