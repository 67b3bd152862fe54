"""Every figure with an interval in README and docs -> docs/figures.json: the command and the place that printed it.

    python docs/figures.py --data PETS --demo DEMO --dogs DOGS --outside OUTSIDE --mobilenet MOBILENET

runs the commands of `COMMANDS` on the pets data set and the demo set, looks each figure of the pages up in what they
printed, writes the registry and ends with an error that lists the figures which no command printed.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import shlex
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent
REGISTRY = DOCS / "figures.json"

GENERATED = ("leaderboard.md", "study-replicated.md", "travel.md", "robustness.md")
"""Pages that a command writes whole."""

TIMINGS = ("performance.md", "scaling.md")
"""Pages of time and memory, which are no figures of a model."""

COMMANDS = {
    "petmood run PETS --out RUN": "RUN/results.json",
    "petmood regrade PETS --json": "",
    "petmood species PETS --json": "",
    "petmood name-clusters PETS CLUSTERS --json": "",
    "petmood run DEMO --out DEMORUN": "DEMORUN/results.json",
    "petmood train PETS --out MODEL": "MODEL/model.json",
    "petmood leaderboard PETS --use outside=onnx:OUTSIDE --use mobilenet=onnx:MOBILENET"
    " --extra DOGS --map relaxed=Other --json": "",
    "petmood train PETS --model auto --budget 6m --out AUTO --use outside=onnx:OUTSIDE"
    " --use mobilenet=onnx:MOBILENET": "AUTO/model.json",
    "petmood pretrain DOGS --for PETS --out PRETRAINED": "PRETRAINED/pretrain.json",
    "python benchmarks/crops.py PETS --json": "",
    "python benchmarks/crops.py DOGS --photos 400 --families names --json": "",
}
"""Each command, and the file that holds what it found; what it prints where none is named."""

CLUSTERED = "petmood name-clusters PETS CLUSTERS --json"
"""Before it, `petmood cluster PETS --out CLUSTERS`, and each cluster named by its commonest original label."""

BUILT_IN = "petmood train A B C, as the model's card has it whole"
"""The command behind the built-in model, whose figures are read from its description."""

_NUMBER = r"[+\-−]?\d+(?:\.\d+)?"
_FIGURE = re.compile(
    rf"(?P<value>{_NUMBER})(?P<unit> %)?\**(?: points)?"
    rf"(?:,? 95 % interval|,? ?\((?:(?:Wilson )?95 % interval )?)\s*(?P<low>{_NUMBER})(?: %)? to (?P<high>{_NUMBER})"
)


@dataclass(frozen=True)
class Shown:
    """A figure as a page shows it."""

    page: str
    text: str
    value: str
    low: str
    high: str


@dataclass(frozen=True)
class Printed:
    """A figure as a command printed it: JSON pointer, value, interval, n and, where it has one, its identity."""

    command: str
    place: str
    value: float
    low: float
    high: float
    n: int | None
    identity: dict[str, Any] | None


def pages(root: Path = DOCS.parent) -> dict[str, str]:
    """Pages whose figures are written by hand, by path, and their texts."""
    kept = [
        file
        for file in [root / "README.md", *sorted((root / "docs").rglob("*.md"))]
        if file.name not in (*GENERATED, *TIMINGS) and file.parent.name != "decisions"
    ]
    return {file.relative_to(root).as_posix(): file.read_text(encoding="utf-8") for file in kept}


def shown(page: str, text: str) -> Iterator[Shown]:
    """The figures of a page, in its order."""
    flat = re.sub(r"\s+", " ", text)
    for found in _FIGURE.finditer(flat):
        yield Shown(page, found.group(), found["value"], found["low"], found["high"])


def walk(facts: Any, command: str, place: str = "", around: dict[str, Any] | None = None) -> Iterator[Printed]:
    """Every value that stands beside its interval (`x` and `x_ci`, or `rate` and `interval`)."""
    if isinstance(facts, list):
        for i, one in enumerate(facts):
            yield from walk(one, command, f"{place}/{i}", around)
    if not isinstance(facts, dict):
        return
    for key, value in facts.items():
        for bounds in (f"{key}_ci", f"{key}_interval"):
            low, high = facts.get(bounds) or (None, None)
            if isinstance(value, int | float) and low is not None and high is not None:
                identity = facts.get("identity") if key.endswith("accuracy") else None
                yield Printed(command, f"{place}/{key}", value, low, high, facts.get("n"), identity)
        yield from walk(value, command, f"{place}/{key}", facts)


def agrees(on_page: Shown, printed: Printed) -> bool:
    """Whether a page shows what was printed: as it is, in percent, or as the difference the other way round."""
    texts = (on_page.value, on_page.low, on_page.high)
    digits = [len(text.partition(".")[2]) for text in texts]
    wanted = [float(text.replace("−", "-")) for text in texts]
    for scale in (1, 100):
        for values in (
            (printed.value, printed.low, printed.high),
            (-printed.value, -printed.high, -printed.low),
        ):
            # half a unit of the last digit, and a hair for the rounding of halves
            if all(abs(scale * v - w) <= 0.5 * 10**-d + 1e-6 for v, w, d in zip(values, wanted, digits, strict=True)):
                return True
    return False


def match(figures: list[Printed]) -> tuple[list[dict[str, Any]], list[Shown]]:
    """The registry's entries, and figures of the pages that nothing printed."""
    entries, unknown = [], []
    for page, text in pages().items():
        for one in shown(page, text):
            # of equal figures that of what the page is about, then one with an identity, then the earlier command
            topic = Path(page).stem.rstrip("s")
            found = sorted(
                (p for p in figures if agrees(one, p)),
                key=lambda p: (topic not in f"{p.command}{p.place}", p.identity is None),
            )
            if found:
                entries.append({"page": page, "text": one.text, **asdict(found[0])})
            else:
                unknown.append(one)
    return entries, unknown


def printed_by(command: str, names: dict[str, str], folder: Path) -> Iterator[Printed]:
    """Run a command, unless the folder has what it found, and walk that."""
    where = COMMANDS[command]
    kept = folder / (where or re.sub(r"\W+", "-", command) + ".json")
    if not kept.exists():
        if command == CLUSTERED:
            run_command("petmood cluster PETS --out CLUSTERS", names, folder)
            name_clusters(folder / "CLUSTERS")
        said = run_command(command, names, folder)
        if not where:
            kept.write_bytes(said)
    yield from walk(json.loads(kept.read_text(encoding="utf-8")), command)


def run_command(command: str, names: dict[str, str], folder: Path) -> bytes:
    """What a command prints, run in a folder with paths in place of their names."""
    words = shlex.split(command)
    for name, path in names.items():
        words = [re.sub(rf"\b{name}$", lambda _, path=path: path, word) for word in words]
    print(f"$ {command}", file=sys.stderr, flush=True)
    return subprocess.run(words, cwd=folder, stdout=subprocess.PIPE, check=True).stdout


def name_clusters(folder: Path) -> None:
    """Give each cluster the name of its commonest original label: the folder above a file."""
    labels: dict[str, Counter[str]] = defaultdict(Counter)
    with (folder / "clusters.csv").open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            labels[row["cluster"]][row["path"].split("/")[-2]] += 1
    lines = [f"{cluster},{found.most_common(1)[0][0]}\n" for cluster, found in sorted(labels.items())]
    (folder / "names.csv").write_text("".join(["cluster,name\n", *lines]), encoding="utf-8")


def built_in() -> Iterator[Printed]:
    """The figures of the built-in model."""
    description = DOCS.parent / "src/petmood/bundle/pets/model.json"
    yield from walk(json.loads(description.read_text(encoding="utf-8")), BUILT_IN)


def main() -> int:
    """Write the registry; 1 if a page shows a figure that nothing printed."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data", type=Path, required=True, help="the pets data set")
    asked.add_argument("--demo", type=Path, required=True, help="the data folder that `petmood demo` draws")
    asked.add_argument("--dogs", type=Path, required=True, help="outside pictures of dogs")
    asked.add_argument("--outside", type=Path, required=True, help="the ONNX file that `petmood pretrain` made of them")
    asked.add_argument("--mobilenet", type=Path, required=True, help="an ONNX file of the study's MobileNet")
    asked.add_argument("--work", type=Path, help="folder for what the commands find; what is there is not made again")
    given = asked.parse_args()
    folder = given.work or Path(tempfile.mkdtemp(prefix="petmood-figures-"))
    folder.mkdir(parents=True, exist_ok=True)
    places = {
        "PETS": given.data,
        "DEMO": given.demo,
        "DOGS": given.dogs,
        "OUTSIDE": given.outside,
        "MOBILENET": given.mobilenet,
    }
    names = {name: str(path.resolve()) for name, path in places.items()}
    names |= {"python": sys.executable, "benchmarks/crops.py": str(DOCS.parent / "benchmarks" / "crops.py")}
    figures = [figure for command in COMMANDS for figure in printed_by(command, names, folder)]
    entries, unknown = match([*figures, *built_in()])
    REGISTRY.write_text(json.dumps(entries, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{len(entries)} figures on {len({e['page'] for e in entries})} pages are printed by commands")
    for one in unknown:
        print(f"{one.page}: no command printed '{one.text}'", file=sys.stderr)
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
