"""Fuzz one target with atheris for some seconds, beginning with the kept corpus; a find is written to build/fuzz.

python tests/fuzz/run.py TARGET [SECONDS]
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import atheris

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent / "src")]

with atheris.instrument_imports(include=["petmood", "PIL", "zipfile", "csv"]):
    from fuzz.targets import TARGETS


def main() -> None:
    """Run; atheris ends the process, with 1 or more if it found something."""
    name, seconds = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "60"
    build = TESTS.parent / "build" / "fuzz"
    grown = build / name
    grown.mkdir(parents=True, exist_ok=True)
    for kept in sorted((TESTS / "fuzz" / "corpus" / name).iterdir()):
        shutil.copy(kept, grown)
    options = ["-timeout=30", "-rss_limit_mb=3000", "-max_len=65536", "-print_final_stats=1"]
    atheris.Setup(
        [sys.argv[0], f"-max_total_time={seconds}", f"-artifact_prefix={build}/{name}-", *options, str(grown)],
        TARGETS[name],
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
