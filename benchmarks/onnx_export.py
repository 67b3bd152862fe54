"""The two ONNX exporters of torch on EfficientNet-Lite0: seconds for each, and how far each graph is from torch.

    python benchmarks/onnx_export.py [--rounds N]

Needs the extra `train` and, for the dynamo exporter, the package onnxscript. The exporters take turns, so that a busy
machine slows both; the first round is told apart, since it also pays for their imports. Every graph runs at sizes it
was not exported at: the error is the largest absolute difference from torch over all outputs and sizes.
"""

from __future__ import annotations

import contextlib
import io
import statistics
import tempfile
import warnings
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
from sheet import Sheet, options_of, take_turns

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


def quietly(export: Callable[..., None], *arguments: object) -> None:
    """Export without the exporters' talk."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        export(*arguments)


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


def main() -> None:
    """Time both exporters in turn and write the sheet."""
    parser = options_of(__doc__)
    parser.add_argument("--rounds", type=int, default=4, help="how often each exporter runs; the first is told apart")
    options = parser.parse_args()
    rounds = 2 if options.tiny else max(2, options.rounds)
    sheet = Sheet(
        "onnx_export",
        "The one-off export of a backbone to ONNX",
        f"EfficientNet-Lite0, {rounds} rounds, exporters taking turns; the median is without the first round.",
        options.tiny,
    )
    network = VARIANTS[0].network()
    pixels = torch.zeros(2, 3, 224, 224)
    exporters: dict[str, Callable[[torch.nn.Module, torch.Tensor, Path], None]] = {"torchscript": export_torchscript}
    if not options.tiny and find_spec("onnxscript"):
        exporters["dynamo"] = export_dynamo
    with tempfile.TemporaryDirectory() as folder:
        graphs = {name: Path(folder) / f"{name}.onnx" for name in exporters}
        jobs = {name: partial(quietly, export, network, pixels, graphs[name]) for name, export in exporters.items()}
        seconds = take_turns(jobs, rounds)
        errors = {name: error_against_torch(network, graph) for name, graph in graphs.items()}
    medians = {name: statistics.median(times[1:]) for name, times in seconds.items()}
    sheet.table(
        "",
        ("exporter", "first, s", "median, s", "largest error against torch"),
        [(name, f"{seconds[name][0]:.2f}", f"{medians[name]:.2f}", f"{errors[name]:.1e}") for name in exporters],
    )
    if "dynamo" in medians:
        sheet.note(f"The dynamo exporter takes {medians['dynamo'] / medians['torchscript']:.0f} times as long.")
    else:
        sheet.note("The dynamo exporter was not measured: a trial run, or the package onnxscript is not installed.")
    sheet.finish(options.out)


if __name__ == "__main__":
    main()
