"""The first minutes on a fresh machine: python benchmarks/first_minutes.py [--python python3.11].

Makes an environment of its own, installs petmood's core into it as `docs/install.md` says, weighs it, draws the demo
set and runs on it with an empty cache, then reads one photo with the built-in model. Prints seconds by the clock and
megabytes (2^20 bytes).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sheet import REPOSITORY, Sheet, options_of

MAX_MEGABYTES = 650
MAX_SECONDS = 90


def weight(folder: Path) -> float:
    """Megabytes on disk of all files below a folder, each counted once."""
    blocks = {(s.st_dev, s.st_ino): s.st_blocks for s in (p.lstat() for p in folder.rglob("*"))}
    return 512 * sum(blocks.values()) / 2**20


def main() -> None:
    """Measure and print."""
    parser = options_of(__doc__)
    parser.add_argument("--python", default=sys.executable, help="interpreter that makes the environment")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        binaries = root / "venv" / ("Scripts" if os.name == "nt" else "bin")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PETMOOD", "VIRTUAL_ENV"))}
        environment["PETMOOD_CACHE"] = str(root / "cache")

        def timed(*words: object) -> float:
            start = time.perf_counter()
            subprocess.run([*map(str, words)], check=True, cwd=root, env=environment, stdout=subprocess.DEVNULL)
            return time.perf_counter() - start

        pins = REPOSITORY / "requirements" / "constraints.txt"
        pip = (binaries / "python", "-m", "pip", "install", "-qq", "--no-compile", "-c", pins)
        petmood = binaries / "petmood"
        seconds = {"making the environment": timed(options.python, "-m", "venv", "venv")}
        seconds["installing the core"] = timed(*pip, REPOSITORY)
        megabytes = weight(root / "venv")
        seconds["drawing the demo set"] = timed(petmood, "demo-data", "demo")
        if not options.tiny:
            seconds["running on it, report included"] = timed(petmood, "run", "demo/data", "--out", "run")
        photo = next((root / "demo" / "data").rglob("*.jpg"))
        seconds["reading a photo with the built-in model"] = timed(petmood, "predict", photo)
        sheet = Sheet("first_minutes", "The first minutes", "The core alone, without torch, once.", options.tiny)
        sheet.table("Seconds by the clock", ("what", "seconds"), [(what, f"{s:.1f}") for what, s in seconds.items()])
        sheet.target("megabytes of the environment, pip with it", megabytes, at_most=MAX_MEGABYTES)
        sheet.target("seconds for all of it", sum(seconds.values()), at_most=MAX_SECONDS)
        sheet.finish(options.out)


if __name__ == "__main__":
    main()
