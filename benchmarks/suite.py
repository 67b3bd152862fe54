"""Runs every benchmark, each in a process of its own and within its time, and writes benchmarks/results.md.

    python benchmarks/suite.py [--tiny] [--only NAME ...]

A part that fails, or takes longer than it may, is written down as failed with its reason; the others go on.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from sheet import OUT, REPOSITORY


@dataclass(frozen=True)
class Part:
    """One benchmark: the stem of its script and of its JSON file, the seconds it may take, and its own arguments."""

    name: str
    limit_s: int
    arguments: tuple[str, ...] = ()


# Together under 20 minutes on two cores; what is printed first is read first.
PARTS = (
    Part("training", 150),
    Part("embedding", 290),
    Part("runs", 190),
    Part("serving", 130),
    Part("memory", 120),
    Part("families", 110, ("--no-accuracy",)),
    Part("clusters", 80),
    Part("scaling", 60),
    Part("onnx_export", 70, ("--rounds", "2")),
)


def run_part(part: Part, out: Path, tiny: bool) -> float:
    """Run one part; its sheet, or why there is none, is in `out` afterwards. Returns its seconds."""
    sheet = out / f"{part.name}.json"
    sheet.unlink(missing_ok=True)
    script = REPOSITORY / "benchmarks" / f"{part.name}.py"
    command = [sys.executable, str(script), "--out", str(out), *part.arguments, *(["--tiny"] if tiny else [])]
    began = time.perf_counter()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as errors:
        # a session of its own, so that what a part started ends with it
        process = subprocess.Popen(command, stdout=sys.stderr, stderr=errors, start_new_session=True)
        try:
            code = process.wait(part.limit_s)
            errors.seek(0)
            why = "" if code == 0 else _last_line(errors.read()) or f"exit code {code}"
        except subprocess.TimeoutExpired:
            why = f"took longer than {part.limit_s} s"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if not why and not sheet.is_file():
        why = "it wrote no sheet"
    if why and sheet.is_file():
        facts = json.loads(sheet.read_text(encoding="utf-8"))
        facts["notes"].append(f"**Cut short, so that some of it is missing: {why}.**")
        sheet.write_text(json.dumps(facts) + "\n", encoding="utf-8")
    elif why:
        sheet.write_text(json.dumps({"name": part.name, "failed": why}) + "\n", encoding="utf-8")
    return time.perf_counter() - began


def _last_line(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""


def main() -> None:
    """Run the parts that were asked for, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tiny", action="store_true", help="only show that every part runs")
    parser.add_argument("--only", nargs="+", choices=[part.name for part in PARTS], help="these parts alone")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the sheets (default: build/bench)")
    parser.add_argument("--to", type=Path, default=REPOSITORY / "benchmarks" / "results.md", help="page to write")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("PYTHONPATH", str(REPOSITORY / "src"))
    began = time.perf_counter()
    for part in PARTS:
        if options.only is None or part.name in options.only:
            seconds = run_part(part, options.out, options.tiny)
            print(f"== {part.name} took {seconds:.0f} s", file=sys.stderr, flush=True)
    subprocess.run(
        [
            sys.executable,
            str(Path(__file__).with_name("report.py")),
            "--from",
            str(options.out),
            "--to",
            str(options.to),
            *([] if options.only is None else ["--keep"]),
        ],
        check=True,
    )
    print(f"== all took {time.perf_counter() - began:.0f} s; {options.to} is written", file=sys.stderr)


if __name__ == "__main__":
    main()
