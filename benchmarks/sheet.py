"""What a benchmark found -> Markdown on stdout and one JSON file: the form that every benchmark here shares.

A benchmark makes a `Sheet`, adds tables, targets and notes to it, and ends with `sheet.finish(options.out)`. Options
that all of them take come from `options_of`. `benchmarks/report.py` assembles the JSON files into one page.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
OUT = REPOSITORY / "build" / "bench"
PACKAGES = ("numpy", "scikit-learn", "onnxruntime", "torch", "pillow", "polars", "ray")


@dataclass(frozen=True)
class Table:
    """Rows of text under headings."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Target:
    """A claim with a limit, and what was measured; a benchmark that could not measure gives no target but a note."""

    claim: str
    got: float
    at_least: float | None
    at_most: float | None
    unit: str

    @property
    def met(self) -> bool:
        """Whether the measured value keeps the limits."""
        low_enough = self.at_most is None or self.got <= self.at_most
        return low_enough and (self.at_least is None or self.got >= self.at_least)

    @property
    def limit(self) -> str:
        """The limit in words."""
        limits = [("at least", self.at_least), ("at most", self.at_most)]
        return ", ".join(f"{word} {value:g}{self.unit}" for word, value in limits if value is not None)


@dataclass
class Sheet:
    """What one benchmark found.

    Attributes:
        name: its file's stem, e.g. "training".
        title: a few words.
        about: what was done, how often, on what, in a sentence or two.
        tiny: whether it only showed that it runs: its figures mean nothing then.
    """

    name: str
    title: str
    about: str
    tiny: bool = False
    tables: list[Table] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.perf_counter)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Add a table; values are shown as `str` gives them."""
        self.tables.append(Table(title, tuple(columns), tuple(tuple(str(value) for value in row) for row in rows)))

    def target(
        self,
        claim: str,
        got: float,
        *,
        at_least: float | None = None,
        at_most: float | None = None,
        unit: str = "",
    ) -> None:
        """Add a claim with its limit, met or not."""
        self.targets.append(Target(claim, float(got), at_least, at_most, unit))

    def note(self, text: str) -> None:
        """Add a sentence that a reader of the figures must know."""
        self.notes.append(text)

    def finish(self, out: Path) -> None:
        """Print the sheet as Markdown and write it to `<out>/<name>.json`."""
        print(as_markdown(self.save(out)))

    def save(self, out: Path) -> dict:
        """Write what there is so far to `<out>/<name>.json`: it stays if the benchmark is cut short."""
        facts = {
            "name": self.name,
            "title": self.title,
            "about": self.about,
            "tiny": self.tiny,
            "machine": machine(),
            "seconds": round(time.perf_counter() - self.started, 1),
            "tables": [asdict(table) for table in self.tables],
            "targets": [asdict(target) for target in self.targets],
            "notes": self.notes,
        }
        out.mkdir(parents=True, exist_ok=True)
        path = out / f"{self.name}.json"
        path.write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return facts


def as_markdown(facts: dict) -> str:
    """A sheet as Markdown, from the content of its JSON file."""
    lines = [f"## {facts['title']}", "", facts["about"], ""]
    if facts["tiny"]:
        lines += ["**A trial run: it shows that the benchmark works; its figures mean nothing.**", ""]
    for table in facts["tables"]:
        lines += [*([f"**{table['title']}**", ""] if table["title"] else []), *_rows(table["columns"], table["rows"])]
    if facts["targets"]:
        rows = []
        for target in (Target(**t) for t in facts["targets"]):
            met = "met" if target.met else "**not met**"
            rows.append((target.claim, f"{target.got:.3g}{target.unit}", target.limit, met))
        lines += _rows(("target", "measured", "limit", ""), rows)
    lines += [line for note in facts["notes"] for line in (f"- {note}",)]
    return "\n".join(lines).rstrip() + "\n"


def _rows(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    line = lambda cells: f"| {' | '.join(cells)} |"  # noqa: E731 - one line says it
    return [line(columns), line(["---"] * len(columns)), *(line(row) for row in rows), ""]


def machine() -> dict[str, object]:
    """Where it was measured: processor, cores, memory, load, versions, time."""
    import petmood

    versions = {"petmood": petmood.__version__}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "load": round(os.getloadavg()[0], 2),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "versions": versions,
        "at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    extras = [flag for flag in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16") if flag in facts["flags"]]
    return f"{facts.get('model name', platform.processor())} ({', '.join(extras)})"


def options_of(doc: str | None, *, data: bool = False, peer: bool = False) -> argparse.ArgumentParser:
    """A parser with the options that all benchmarks share; a benchmark adds its own.

    Args:
        doc: the module's docstring; its first line is the description.
        data: whether it takes `--data`.
        peer: whether it takes `--peer-python`.
    """
    parser = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the JSON file (default: build/bench)")
    parser.add_argument("--tiny", action="store_true", help="only show that it runs, in seconds")
    if data:
        named = os.environ.get("PETMOOD_DATA")
        parser.add_argument(
            "--data",
            type=Path,
            default=Path(named) if named else None,
            help="folder or .zip of labelled faces (default: $PETMOOD_DATA, else the demo set, drawn)",
        )
    if peer:
        parser.add_argument(
            "--peer-python",
            default=os.environ.get("PEER_PYTHON"),
            help="Python of an environment with keras and tensorflow (default: $PEER_PYTHON, else no peer is measured)",
        )
    return parser


def data_or_demo(data: Path | None, scratch: Path) -> tuple[Path, str]:
    """The data set to measure on, and what to call it: the one given, or the demo set drawn into `scratch`."""
    if data is not None:
        return data, data.stem
    from petmood.demo import write_demo

    write_demo(scratch / "demo", seed=0)
    return scratch / "demo" / "data", "the demo set"


def fresh_cache(scratch: Path, name: str = "cache") -> Path:
    """Point petmood at an empty cache for this process and its children."""
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=scratch))
    os.environ["PETMOOD_CACHE"] = str(folder)
    return folder


def chromium() -> str | None:
    """The browser that pages are opened in: $CHROMIUM, else the first that is installed; None if there is none."""
    names = ("chromium", "chromium-browser", "chromium-headless-shell", "google-chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


def take_turns(jobs: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each job, `rounds` times; jobs take turns, so that a busy machine slows all of them alike."""
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            start = time.perf_counter()
            job()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def paired_ratio(slow: Sequence[float], fast: Sequence[float]) -> float:
    """How many times as long `slow` takes: the median over rounds of the ratio within a round."""
    return statistics.median(a / b for a, b in zip(slow, fast, strict=True))
