"""Peak memory of `petmood embed` on 1,000 and on 100,000 images: does it grow with their number?

    python benchmarks/memory.py [--many N]

The images are small drawn JPEGs, each with other bytes, and the backbone is a tiny ONNX graph made here: what is
measured is how petmood holds paths, batches, vectors and shards, which is all that can grow. Needs the package onnx.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper
from PIL import Image
from sheet import Sheet, fresh_cache, options_of

FEW, SIZE = 1000, 32


def write_backbone(folder: Path) -> Path:
    """One strided convolution and a mean, with the JSON that says how to feed it."""
    rng = np.random.default_rng(0)
    kernel = helper.make_tensor("w", TensorProto.FLOAT, (64, 3, 8, 8), rng.normal(size=64 * 3 * 64).astype(np.float32))
    nodes = [
        helper.make_node("Conv", ["pixels", "w"], ["map"], strides=[8, 8]),
        helper.make_node("ReduceMean", ["map"], ["features"], axes=[2, 3], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ("n", 3, SIZE, SIZE))],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in ("features", "map")],
        [kernel],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), folder / "tiny.onnx")
    facts = {"size": SIZE, "mean": [127.5] * 3, "std": [127.5] * 3, "map": "map"}
    (folder / "tiny.json").write_text(json.dumps(facts))
    return folder / "tiny.onnx"


def write_images(folder: Path, n: int) -> None:
    """JPEGs of a few pictures; what follows the end of a picture differs, so that no two files are the same."""
    rng = np.random.default_rng(1)
    pictures = []
    for _ in range(16):
        buffer = io.BytesIO()
        Image.fromarray(rng.integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8)).save(buffer, "JPEG", quality=60)
        pictures.append(buffer.getvalue())
    for at in range(0, n, 1000):
        part = folder / f"{at // 1000:04d}"
        part.mkdir(parents=True)
        for i in range(at, min(at + 1000, n)):
            (part / f"{i:06d}.jpg").write_bytes(pictures[i % 16] + i.to_bytes(8, "little"))


def embed(data: Path, out: Path, backbone: Path) -> tuple[float, float]:
    """(peak resident MiB, seconds) of one `petmood embed`, in a process of its own."""
    code = "from petmood.cli.main import run; run()"
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", code, "embed", str(data), "--out", str(out), "--backbone", f"onnx:{backbone}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"petmood embed ended with {process.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024
    return used.ru_maxrss * unit / 2**20, time.perf_counter() - start


def main() -> None:
    """Measure, and write the sheet."""
    parser = options_of(__doc__)
    parser.add_argument("--many", type=int, default=100_000, help="the larger number of images")
    options = parser.parse_args()
    sizes = (20, 40) if options.tiny else (FEW, options.many)
    sheet = Sheet("memory", "Memory of embedding", "`petmood embed`, a process for each size.", options.tiny)
    rows, peaks = [], []
    with tempfile.TemporaryDirectory() as work:
        scratch = Path(work)
        backbone = write_backbone(scratch)
        for n in sizes:
            fresh_cache(scratch)
            write_images(scratch / "data", n)
            peak, seconds = embed(scratch / "data", scratch / f"out{n}", backbone)
            shutil.rmtree(scratch / "data")
            rows.append((f"{n:,}", f"{peak:.0f}", f"{seconds:.1f}", f"{n / seconds:.0f}"))
            peaks.append(peak)
    sheet.table("", ("images", "peak, MiB", "seconds", "images/s"), rows)
    sheet.target(f"peak at {sizes[1]:,} images / at {sizes[0]:,}", peaks[1] / peaks[0], at_most=1.1)
    grown = 1024 * (peaks[1] - peaks[0]) / (sizes[1] - sizes[0])
    sheet.note(f"Between the two the peak grows by {grown:.2f} KiB an image.")
    sheet.note("Small drawn JPEGs and a tiny backbone: speed means nothing here, growth of memory does.")
    sheet.finish(options.out)


if __name__ == "__main__":
    main()
