"""How the cost of embedding grows with the number of images, and what a million and a hundred million would cost.

    python benchmarks/scaling.py [--large] [--ray] [--tiny]

Runs `petmood embed` without a cache on drawn JPEGs, each set in a process of its own. First with efficientnet-lite0, at
256 x 256 pixels, smaller than most photos: what an image costs. Then with a graph that only averages, at 64 x 64
pixels, on 10^3 and 10^4 images, with `--large` also 10^5: how all but the inference grows. Processor seconds are what
counts on a busy machine. `--ray` measures the Ray engine beside the local one.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import helper
from PIL import Image
from sheet import Sheet, fresh_cache, options_of

from petmood.features import load_backbone

PATTERNS = 200
MEASURED = """
import json, resource, sys, time
from petmood.jobs import embed as module
module.CACHED = 0  # every vector is computed: what the cache saves is not what is asked here
engine = json.loads(sys.argv[3])
began = time.perf_counter()
index = module.embed(sys.argv[1], sys.argv[2], module.EmbedSettings.create(engine))
seconds = time.perf_counter() - began
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"seconds": seconds, "cpu": used.ru_utime + used.ru_stime}))
"""


def draw(folder: Path, start: int, stop: int, side: int) -> None:
    """Write images `start` to `stop`: patterns of colour, each with bytes of its own."""
    rng = np.random.default_rng(0)
    patterns = []
    for _ in range(PATTERNS):
        coarse = rng.integers(0, 256, (24, 24, 3), dtype=np.uint8)
        patterns.append(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC))
    for i in range(start, stop):
        path = folder / f"{i // 1000:04}" / f"{i:07}.jpg"
        path.parent.mkdir(exist_ok=True, parents=True)
        patterns[i % PATTERNS].save(path, quality=88, comment=str(i).encode())


def averaging(folder: Path) -> str:
    """Name of a backbone that costs next to nothing: the mean of each channel."""
    floats = onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [
            helper.make_node("GlobalAveragePool", ["pixels"], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["features"]),
        ],
        "means",
        [helper.make_tensor_value_info("pixels", floats, ["n", 3, "h", "w"])],
        [helper.make_tensor_value_info("features", floats, ["n", 3])],
    )
    path = folder / "means.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    described = {"size": 32, "mean": [127.5] * 3, "std": [127.5] * 3, "features": "features"}
    path.with_suffix(".json").write_text(json.dumps(described))
    return f"onnx:{path}"


def measure(data: Path, out: Path, engine: dict[str, object]) -> dict[str, float]:
    """Embed a folder in a process of its own."""
    command = [sys.executable, "-c", MEASURED, str(data), str(out), json.dumps(engine)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return json.loads(done.stdout.splitlines()[-1])


@dataclass(frozen=True)
class Set:
    """Drawn sets of several sizes, embedded by one backbone."""

    title: str
    backbone: str
    side: int
    sizes: tuple[int, ...]
    engines: tuple[str, ...] = ("local",)

    def run(self, sheet: Sheet, scratch: Path) -> dict[int, float]:
        """Processor seconds of the local engine at each size; all figures go to the sheet."""
        rows, found, drawn = [], {}, 0
        data = scratch / f"data{self.side}"
        for n in self.sizes:
            draw(data, drawn, n, self.side)
            drawn = n
            for engine in self.engines:
                how = {"engine": engine, "backbone": self.backbone, "shard_rows": max(4, min(1024, n // 8))}
                one = measure(data, scratch / f"out-{engine}-{self.side}-{n}", how)
                cpu = one["cpu"] if engine == "local" else None  # Ray's workers are no children of the command
                each = ("", "") if cpu is None else (f"{cpu:.1f}", f"{cpu / n * 1000:.2f}")
                rows.append((engine, f"{n:,}", f"{one['seconds']:.1f}", *each))
                if cpu is not None:
                    found[n] = cpu
        sheet.table(self.title, ("engine", "images", "seconds", "processor seconds", "processor ms an image"), rows)
        return found


def main() -> None:
    """Measure, print, write the sheet."""
    parser = options_of(__doc__)
    parser.add_argument("--large", action="store_true", help="also 10^5 images")
    parser.add_argument("--ray", action="store_true", help="also the Ray engine (extra scale)")
    options = parser.parse_args()
    about = "`petmood embed` on drawn JPEGs, no cache, each size once in a process of its own."
    sheet = Sheet("scaling", "Growth of embedding", about, tiny=options.tiny)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        fresh_cache(scratch)
        load_backbone("efficientnet-lite0")  # its export, once in all, is no part of what is measured
        engines = ("local", "ray") if options.ray else ("local",)
        sizes = (20, 60) if options.tiny else (300, 1200)
        lite = Set("efficientnet-lite0, 256 x 256 pixels", "efficientnet-lite0", 256, sizes, engines)
        cost = lite.run(sheet, scratch)
        sizes = (20, 60) if options.tiny else (1000, 10_000, *((100_000,) if options.large else ()))
        plain = Set("all but the inference, 64 x 64 pixels", averaging(scratch), 64, sizes)
        growth = plain.run(sheet, scratch)
    small, *_, large = cost
    slope = (cost[large] - cost[small]) / (large - small)
    sheet.note(
        f"efficientnet-lite0: {slope * 1000:.2f} processor ms an image beyond start-up; {slope * 1e6 / 3600:,.1f} "
        f"core-hours a million images, {slope * 1e8 / 3600:,.0f} a hundred million."
    )
    small, *_, large = growth
    rate = (growth[large] / large) / (growth[small] / small)
    sheet.target(f"all but the inference: cost an image at {large:,} against {small:,}", rate, at_most=1.1)
    sheet.finish(options.out)


if __name__ == "__main__":
    main()
