"""Whole runs: `petmood run` cold and warm, one photo added, and `petmood --help`; where each second goes.

    python benchmarks/runs.py [--data DATA]

Every command runs as a process of its own, as a user starts it. Cold means an empty cache, the export of the backbone
included. Process time is that of the processor, over all cores, user and system.
"""

from __future__ import annotations

import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sheet import Sheet, data_or_demo, fresh_cache, options_of

from petmood.demo.dataset import draw_portrait

LIMITS = {
    "ingest": "reading and hashing files",
    "families": "decoding, and matching of corners between look-alikes",
    "backbone": "import of torch, once a machine",
    "features": "ONNX Runtime's convolutions, at the processor's limit",
    "cnn": "waiting for the process that trains it beside the rest",
    "leakage": "logistic regressions on split after split",
    "protocols": "logistic regressions, a fold at a time",
    "heads": "logistic regressions, a fold at a time",
    "species": "logistic regressions, a fold at a time",
    "start-up, report": "imports, charts",
    "labels": "logistic regressions for confident learning",
    "causes": "logistic regressions on changed features",
}


def petmood(*arguments: str) -> tuple[float, float]:
    """Seconds by the clock and of the processor that a command took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", "from petmood.cli.main import run; run()", *arguments], capture_output=True, check=False
    )
    took = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"petmood {arguments[0]}: {done.stderr.decode()[-300:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def stages(run: Path) -> dict[str, float]:
    """Seconds by stage that a run wrote down."""
    found: dict[str, float] = json.loads((run / "results.json").read_text(encoding="utf-8"))["environment"]["seconds"]
    return found


def add_photo(data: Path, split: str, seed: int) -> None:
    """One photo more in a split: a drawn face, so that no photo is its copy. Of the first class of the split."""
    folder = min(path for path in (data / split).iterdir() if path.is_dir())
    face = draw_portrait("cat", "Angry", 1.0, 224, np.random.default_rng(seed)).image
    face.convert("RGB").save(folder / f"one-more-{seed}.jpg", quality=95)


def measure_float32(sheet: Sheet, data: Path, run: Path) -> None:
    """Add the cold run whose network is trained in float32, as it is by processors that multiply no bfloat16."""
    clock, worked = petmood("run", str(data), "--out", str(run), "--cnn-precision", "float32")
    row = ("cold, the network in float32", 1, f"{clock:.1f}", f"{worked:.1f}", f"{stages(run)['cnn']:.1f}")
    sheet.table("Without bfloat16", ("run", "n", "clock, s", "process, s", "of it the network, s"), [row])
    sheet.target("cold run, the network in float32", clock, at_most=60, unit=" s")


def main() -> None:
    """Measure, and write the sheet."""
    options = options_of(__doc__, data=True).parse_args()
    with tempfile.TemporaryDirectory() as work:
        scratch = Path(work)
        fresh_cache(scratch)
        helps = [petmood("--help") for _ in range(2 if options.tiny else 7)]
        if options.tiny:
            sheet = Sheet("runs", "Whole runs", "Start-up alone.", options.tiny)
        else:
            source, called = data_or_demo(options.data, scratch)
            data = scratch / "data"
            shutil.copytree(source, data, copy_function=shutil.copyfile)
            sheet = Sheet("runs", "Whole runs", f"`petmood run`, quick preset, on {called}.")
            measure_runs(sheet, data, scratch / "run", options.out)
            fresh_cache(scratch)
            measure_float32(sheet, source, scratch / "float32")
        clock, worked = (statistics.median(values) for values in zip(*helps, strict=True))
        sheet.table(
            "Start-up",
            ("command", "n", "clock, s", "process, s"),
            [("petmood --help", len(helps), f"{clock:.3f}", f"{worked:.3f}")],
        )
        sheet.target("`petmood --help`", clock, at_most=0.3, unit=" s")
        sheet.finish(options.out)


def measure_runs(sheet: Sheet, data: Path, run: Path, out: Path) -> None:
    """Add the cold run, warm ones, and one with a photo more; what there is stands in the sheet after each."""
    arguments = ("run", str(data), "--out", str(run))
    columns = ("run", "n", "clock, s", "process, s")
    cold, cold_work = petmood(*arguments)
    profile = {**stages(run)}
    profile["start-up, report"] = cold - sum(profile.values())
    rows = [(name, f"{seconds:.2f}", LIMITS.get(name, "")) for name, seconds in profile.items()]
    sheet.table("Cold run", columns, [("cold", 1, f"{cold:.1f}", f"{cold_work:.1f}")])
    sheet.table("Where each second of it goes", ("stage", "seconds", "what limits it"), rows)
    sheet.target("cold run", cold, at_most=40, unit=" s")
    sheet.save(out)
    warm = [petmood(*arguments) for _ in range(3)]
    clock, worked = (statistics.median(values) for values in zip(*warm, strict=True))
    again = stages(run)
    again["start-up, report"] = clock - sum(again.values())
    sheet.table("Warm run", columns, [("warm", len(warm), f"{clock:.2f}", f"{worked:.2f}")])
    sheet.table("Where its seconds go", ("stage", "seconds"), [(name, f"{t:.2f}") for name, t in again.items()])
    sheet.target("warm run, process time", worked, at_most=2, unit=" s")
    sheet.save(out)
    rows, parts = [], {}
    for seed, split in enumerate(("test", "train")):
        add_photo(data, split, seed)
        more, more_work = petmood(*arguments)
        rows.append((f"one photo more in {split}", 1, f"{more:.1f}", f"{more_work:.1f}"))
        parts[split] = stages(run)
        sheet.target(f"one photo more in {split}", more, at_most=8, unit=" s")
    sheet.table("One photo added", columns, rows)
    longest = sorted(parts["test"], key=lambda name: -parts["test"][name])[:8]
    told = [(name, f"{parts['test'][name]:.2f}", f"{parts['train'].get(name, 0):.2f}") for name in (*longest, "cnn")]
    sheet.table("", ("stage", "in test, s", "in train, s"), told)
    sheet.note(
        "A photo more costs one inference and its own search for copies; figures of models are computed anew, since "
        "their data changed. The network is trained anew for a photo in train alone."
    )


if __name__ == "__main__":
    main()
