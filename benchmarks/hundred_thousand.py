"""`petmood audit` and `petmood run` from end to end on very many images: seconds, memory, and the page.

    python benchmarks/hundred_thousand.py [--sizes N N ...] [--work DIR]

Draws N small textured pictures in four class folders for each size, a tenth of them mirrored crops of others, under
names that tell nothing. Each command runs as a process of its own, with an empty cache for each number: first
`petmood audit`, then `petmood run --preset quick --no-cnn`, which so knows the copies already. The peak of memory is
that of the whole tree of processes, shared pages counted once for each. The report is then opened in Chromium, if
there is one. With `--work`, what was drawn and measured is kept in a folder, and a benchmark that was cut short goes on
from the last command that ended; sizes measured at the same time are to be shown together by one more call.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from sheet import Sheet, chromium, options_of

SIDE, MARGIN = 64, 4
MOODS = ("angry", "happy", "other", "sad")
FRESH = 0.2  # seconds between two looks at memory
STARTED = "from petmood.cli.main import run; run()"


@dataclass(frozen=True)
class Ran:
    """What a command took: seconds by the clock and of the processor, MiB at the peak, and what it printed."""

    clock: float
    worked: float
    peak: float
    said: str


def picture(number: int) -> np.ndarray:
    """(72, 72, 3) uint8 patches of colour at several scales, unique to their number; classes differ in brightness."""
    rng, side = np.random.default_rng([number, 16]), SIDE + 2 * MARGIN
    total = np.full((side, side, 3), 128 + 8 * (number % 4 - 1.5), np.float32)
    for cells, weight in ((3, 90.0), (8, 70.0), (24, 60.0)):
        coarse = rng.random((cells, cells, 3), np.float32) - 0.5
        total += weight * cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.clip(total, 0, 255).astype(np.uint8)


def draw(folder: Path, n: int) -> None:
    """Write n images; every tenth is a mirrored crop of the one before it."""
    for i in range(n):
        copied = i % 10 == 9
        number = i - 1 if copied else i
        pixels = picture(number)
        if copied:
            pixels = pixels[MARGIN:-MARGIN, MARGIN // 2 : -MARGIN - MARGIN // 2][:, ::-1]
        path = folder / MOODS[number % 4] / f"{np.random.default_rng([i, 1]).integers(2**62):016x}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes())


def resident(root: int) -> float:
    """MiB that a process and all that it started hold, by /proc."""
    total, todo = 0, [root]
    while todo:
        pid = todo.pop()
        try:
            status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
            total += next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")), 0)
            tasks = Path(f"/proc/{pid}/task").iterdir()
            todo += [int(child) for task in tasks for child in (task / "children").read_text().split()]
        except OSError:  # it ended meanwhile
            continue
    return total / 1024


def petmood(*arguments: str) -> Ran:
    """Run a command and look at its memory all the while."""
    before, began, peak = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter(), 0.0
    with tempfile.TemporaryFile("w+", encoding="utf-8") as told, tempfile.TemporaryFile("w+", encoding="utf-8") as why:
        process = subprocess.Popen([sys.executable, "-c", STARTED, *arguments], stdout=told, stderr=why)
        while process.poll() is None:
            peak = max(peak, resident(process.pid))
            time.sleep(FRESH)
        clock, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        why.seek(0)
        if process.returncode:
            raise SystemExit((why.read().strip() or f"petmood {arguments[0]} failed").splitlines()[-1])
        told.seek(0)
        worked = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        # without /proc, the largest process alone
        peak = peak or after.ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)
        return Ran(clock, worked, peak, told.read())


def kept(path: Path, *arguments: str) -> Ran:
    """What a command took: read where it was measured before, else measured and written."""
    if not path.is_file():
        path.write_text(json.dumps(asdict(petmood(*arguments))), encoding="utf-8")
    return Ran(**json.loads(path.read_text(encoding="utf-8")))


def seconds_to_load(page: Path) -> float | None:
    """Seconds until a browser has a page, its pictures included; None without a browser."""
    found = chromium()
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    if found is None:
        return None
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        shown = browser.new_page()
        began = time.perf_counter()
        shown.goto(page.resolve().as_uri(), wait_until="load", timeout=120_000)
        shown.locator("h1").first.wait_for(timeout=120_000)
        took = time.perf_counter() - began
        browser.close()
    return took


def main() -> None:
    """Measure, and write the sheet."""
    parser = options_of(__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000], help="numbers of images")
    parser.add_argument(
        "--work", type=Path, help="folder that keeps pictures, caches, runs and figures (default: none)"
    )
    options = parser.parse_args()
    sizes = [120, 240] if options.tiny else sorted(options.sizes)
    sheet = Sheet(
        "hundred_thousand",
        "Very many images, from end to end",
        "Drawn pictures of 64 pixels, a tenth of them copies; each command in a process of its own, cold.",
        options.tiny,
    )
    runs: dict[tuple[str, int], Ran] = {}
    stages: dict[int, dict[str, float]] = {}
    sampled, page, load = "", 0, None
    with nullcontext(options.work) if options.work else tempfile.TemporaryDirectory() as work:
        for n in sizes:
            scratch = Path(work) / str(n)
            data, out = scratch / "data", scratch / "run"
            if not data.is_dir():
                draw(scratch / "drawing", n)
                (scratch / "drawing").rename(data)
            told, took = scratch / "audit.json", scratch / "run.json"
            if not told.is_file():
                shutil.rmtree(scratch / "cache", ignore_errors=True)
            os.environ["PETMOOD_CACHE"] = str(scratch / "cache")
            runs["audit", n] = kept(told, "audit", str(data), "--json", "--quiet")
            audited = json.loads(runs["audit", n].said)
            quick = ("--out", str(out), "--preset", "quick", "--no-cnn", "--quiet")
            runs["run", n] = kept(took, "run", str(data), *quick)
            results = json.loads((out / "results.json").read_text(encoding="utf-8"))
            stages[n] = results["environment"]["seconds"]
            warned = [warn["values"] for warn in results["dataset"]["warnings"] if warn["code"] == "sampled"]
            sampled = f"its models saw {warned[0]['images']:,} of them" if warned else "its models saw all of them"
            photos = audited["families"]["photos"]
            page, load = (out / "report.html").stat().st_size, seconds_to_load(out / "report.html")
            shown = [
                (
                    f"petmood {command}",
                    f"{m:,}",
                    f"{ran.clock:.0f}",
                    f"{ran.worked:.0f}",
                    f"{1000 * ran.worked / m:.1f}",
                    f"{ran.peak:.0f}",
                )
                for (command, m), ran in runs.items()
            ]
            columns = ("command", "images", "clock, s", "processor, s", "processor ms an image", "peak, MiB")
            sheet.tables.clear()
            sheet.table("Whole commands", columns, shown)
            names = sorted(stages[n], key=lambda name: -stages[n][name])
            by_stage = [
                (name, *(f"{1000 * found.get(name, 0.0) / m:.2f}" for m, found in stages.items())) for name in names
            ]
            heads = ("stage", *(f"ms an image at {m:,}" for m in stages))
            sheet.table("Stages of the run, by the clock", heads, by_stage)
            sheet.notes.clear()
            size = (out / "results.json").stat().st_size
            sheet.note(f"{n:,} images are {photos:,} photos; {sampled}. results.json has {size / 1e6:.1f} MB.")
            sheet.save(options.out)
    small, large = sizes[0], sizes[-1]
    for command in ("audit", "run"):
        each = [runs[command, n].worked / n for n in (small, large)]
        sheet.target(f"petmood {command}: an image at {large:,} against {small:,}", each[1] / each[0], at_most=1.2)
        peak = runs[command, large].peak / 1024
        sheet.target(f"petmood {command}: peak at {large:,}", peak, at_most=2, unit=" GiB")
    sheet.target(f"report of {large:,}", page / 1e6, at_most=20, unit=" MB")
    if load is None:
        sheet.note("The report was not opened: there is no Chromium, or no playwright.")
    else:
        sheet.target("report: seconds until Chromium has it", load, at_most=10, unit=" s")
    sheet.note("Some stages lie within others (features within the audit), so that they do not add up.")
    if os.getloadavg()[0] > 2 * (os.cpu_count() or 1):
        sheet.note(
            "The machine was busy with other work: seconds by the clock are too long; those of the processor count."
        )
    sheet.finish(options.out)


if __name__ == "__main__":
    main()
