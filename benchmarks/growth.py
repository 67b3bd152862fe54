"""How the search for copies grows with the number of images, and what ten million would cost.

    python benchmarks/growth.py [--sizes 1000 4000 10000] [--audit]

Draws textured pictures, a tenth of which are mirrored, cropped or relit copies of others, under names that tell
nothing. Each size is searched in a process of its own with an empty cache, and then with ten pictures more. Processor
seconds are what counts on a busy machine. What each further image takes of memory is measured on drawn features,
without pictures. With `--audit`, `petmood audit` then reads the largest set.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from sheet import REPOSITORY, Sheet, fresh_cache, options_of

SIDE = 224
PEER = REPOSITORY / "benchmarks" / "peers" / "families_peer.py"
MEMORY = REPOSITORY / "benchmarks" / "peers" / "growth_memory.py"
PLANNED = 10_000_000


def picture(seed: int) -> np.ndarray:
    """(SIDE, SIDE, 3) uint8 patches of colour at several scales, unique to their seed."""
    rng = np.random.default_rng([seed, 16])
    total = np.full((SIDE, SIDE, 3), 128, np.float32)
    for cells, weight in ((3, 90.0), (12, 70.0), (40, 60.0)):
        coarse = rng.random((cells, cells, 3), np.float32) - 0.5
        total += weight * cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return np.clip(total, 0, 255).astype(np.uint8)


def draw(folder: Path, start: int, stop: int) -> None:
    """Write images `start` to `stop`; every tenth is a copy of the one before it."""
    for i in range(start, stop):
        pixels = picture(i)
        if i % 10 == 9:
            pixels = picture(i - 1)[20:210, 10:200]
            pixels = pixels[:, ::-1] if i % 20 == 9 else cv2.convertScaleAbs(pixels, alpha=0.7)
        path = folder / "ab"[i % 2] / f"{np.random.default_rng([i, 1]).integers(2**62):016x}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes())


def child(*arguments: str) -> tuple[str, float, float]:
    """What a command in a process of its own wrote, its seconds by the clock and those that processors worked."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit((done.stderr.strip() or "no reason given").splitlines()[-1])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    worked = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.stdout, time.perf_counter() - began, worked


def main() -> None:
    """Measure, and write the sheet."""
    parser = options_of(__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 4_000, 10_000], help="numbers of images")
    parser.add_argument("--audit", action="store_true", help="also run petmood audit on the largest set")
    parser.add_argument("--drawn", type=int, default=100_000, help="images whose features alone are drawn")
    options = parser.parse_args()
    if len(options.sizes) < 2:
        parser.error("two sizes at least show how the cost grows")
    sizes = [40, 60, 80] if options.tiny else sorted(options.sizes)
    sheet = Sheet("growth", "Growth of the search for copies", "Drawn pictures, a tenth of them copies.", options.tiny)
    os.environ["PYTHONPATH"] = str(REPOSITORY / "src")
    rows, cost, more, peak = [], {}, {}, {}
    with tempfile.TemporaryDirectory() as work:
        scratch, drawn = Path(work), 0
        for n in sizes:
            draw(scratch / "data", drawn, n)
            drawn = n
            found = json.loads(child(str(PEER), str(scratch / "data"), "10")[0].splitlines()[-1])
            (clock, cost[n]), (more_clock, more[n]), peak[n] = found["cold"], found["more"], found["peak MiB"]
            seconds = (clock, cost[n], 1000 * cost[n] / n, more_clock, more[n])
            rows.append((f"{n:,}", *(f"{one:.1f}" for one in seconds), f"{peak[n]:.0f}", f"{found['pairs']:,}"))
            columns = ("images", "clock, s", "processor, s", "processor ms an image", "10 more: clock, s")
            sheet.tables.clear()
            sheet.table("Search", (*columns, "10 more: processor, s", "peak, MiB", "links"), rows)
            sheet.save(options.out)
        if options.audit:
            fresh_cache(scratch)
            command = "from petmood.cli.main import run; run()"
            told, clock, worked = child("-c", command, "audit", str(scratch / "data"), "--json", "--quiet")
            sheet.note(
                f"`petmood audit` of {drawn:,} images, cold: {clock:.0f} s by the clock, {worked:.0f} s of processor "
                f"time; {len(told) / 2**20:.2f} MiB of JSON with {json.loads(told)['families']['photos']:,} photos."
            )
    small, large = sizes[0], sizes[-1]
    each = {n: cost[n] / n for n in sizes}
    sheet.target(f"cost of an image at {large:,} against {small:,}", each[large] / each[small], at_most=1.2)
    drawn = 2_000 if options.tiny else options.drawn
    beyond = drawn * 3 // 2
    held = {n: float(child(str(MEMORY), str(n))[0]) for n in (drawn, beyond)}
    grown = (held[beyond] - held[drawn]) / (beyond - drawn)
    at = (peak[large] + grown * (100_000 - large)) / 1024
    sheet.target(f"memory of an image from {drawn:,} to {beyond:,}", 1024 * grown, at_most=4, unit=" KiB")
    sheet.target(f"memory at 100,000, from the peak at {large:,} on", at, at_most=2, unit=" GiB")
    again = (more[large] - more[small]) / (large - small)
    sheet.target("10 images added: processor ms for each that is known", 1000 * again, at_most=1)
    hours, kept = each[large] * PLANNED / 3600, grown * PLANNED / 1024
    sheet.note(
        f"On paper, from {large:,} images: {PLANNED:,} cost {hours:,.0f} core-hours cold, and {kept:,.0f} GiB "
        f"of memory in one process ({1024 * grown:.1f} KiB an image)."
    )
    sheet.finish(options.out)


if __name__ == "__main__":
    main()
