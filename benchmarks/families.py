"""How well families are recovered from pixels: a data set under random names against its true, named families.

    python benchmarks/families.py [--data DATA] [--no-accuracy] [--beside CHECKOUT] [--peers]
                                  [--pictures FOLDER [--count 400] [--draw 0] [--kinds combined,toned,elastic]]

The names of the data must tell its families. It copies the files under random names into flat class folders, finds
families in pixels, and prints pair precision and recall, photos found, seconds, growth with the number of images, and
grouped accuracy with either kind of family. With `--pictures`, it also makes edited copies of every kind in
`benchmarks/edits.py` from them, and next frames, which are no copies, and tells what is found of each kind; `--draw`
takes other photos and edits, `--kinds` some kinds alone, of which there are more then. With `--beside`, the search of
another revision's checkout takes turns with this one's on the same files. With `--peers`, fastdup and imagededup, each
installed by pip in an environment of its own, search the same files.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
import venv
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
from edits import KINDS, next_frame
from PIL import Image
from sheet import REPOSITORY, Sheet, data_or_demo, options_of

from petmood.cache import ContentCache
from petmood.config import RunSettings
from petmood.evaluation.metrics import score
from petmood.evaluation.protocols import cross_fit
from petmood.families.join import join_families
from petmood.families.links import find_links
from petmood.features import extract_features, load_backbone
from petmood.images import MAX_FILE_BYTES
from petmood.ingest import read_dataset
from petmood.pictures import Pictures
from petmood.records import ImageRecord, Manifest
from petmood.sources import open_source
from petmood.split import grouped_folds
from petmood.training.heads import make_head

SIZES = (250, 500, 1000)

PEERS = {
    "fastdup": ("fastdup",),
    "imagededup": ("numpy", "pillow", "scipy", "scikit-learn", "PyWavelets", "matplotlib", "tqdm"),
}
"""Other tools, and what they need: the hashes of imagededup do without the torch that its networks need."""


def named_families(data: Path) -> tuple[Manifest, list[bytes]]:
    """The data set with its families by name, and the bytes of each file."""
    with open_source(data) as source, tempfile.TemporaryDirectory() as cache:
        manifest = read_dataset(source, ContentCache(Path(cache)))
        return manifest, [source.read(record.path, MAX_FILE_BYTES) for record in manifest.records]


def scramble(manifest: Manifest, files: Sequence[bytes], folder: Path, chosen: Sequence[int]) -> dict[str, ImageRecord]:
    """Write some files under random names into flat class folders; new path -> its true record."""
    rng, truth = random.Random(0), {}
    for i in chosen:
        record = manifest.records[i]
        name = f"{record.class_name}/{rng.getrandbits(64):016x}{Path(record.path).suffix}"
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files[i])
        truth[name] = record
    return truth


def pairs(families: dict[str, str]) -> set[tuple[str, str]]:
    """Pairs of files of one family."""
    members: dict[str, list[str]] = defaultdict(list)
    for path, family in families.items():
        members[family].append(path)
    return {pair for group in members.values() for pair in combinations(sorted(group), 2)}


def recover(folder: Path, cache: ContentCache) -> tuple[Manifest, float, float]:
    """Families from pixels, the seconds that it took by the clock, and those that processors worked."""
    with open_source(folder) as source:
        named = read_dataset(source, cache, labelled=False)
        began, worked = time.perf_counter(), time.process_time()
        links = find_links(named.records, Pictures(source), cache)
        seconds, cost = time.perf_counter() - began, time.process_time() - worked
    return join_families(named, links.same, "pixels"), seconds, cost


def as_row(found: Manifest, seconds: float, worked: float) -> tuple[str, ...]:
    """How long it took, and how fast that is, as a row of the table."""
    n = len(found)
    return str(n), f"{seconds:.1f}", f"{n / seconds:.1f}", f"{worked:.1f}"


def grouped_accuracy(manifest: Manifest, folder: Path, cache: ContentCache) -> str:
    """Accuracy of logistic regression on frozen features, five folds grouped by the manifest's families."""
    settings = RunSettings()
    with open_source(folder) as source:
        features = extract_features(manifest, Pictures(source), load_backbone(settings.backbone), cache)
    folds = grouped_folds(manifest, folds=settings.folds, seed=settings.seed)
    made = cross_fit(lambda: make_head("logistic"), features.vectors, manifest, folds)
    scores = score(
        manifest.class_index[made.index], made.predicted, manifest.classes, manifest.family_index[made.index]
    )
    low, high = scores.accuracy_ci
    return f"{scores.accuracy:.3f} ({low:.3f} to {high:.3f}, n = {scores.n} photos)"


def beside(sheet: Sheet, folder: Path, other: Path, turns: int) -> None:
    """Processor seconds of this revision and of another, which take turns: a busy machine slows both."""
    script = REPOSITORY / "benchmarks" / "peers" / "families_peer.py"
    seconds: dict[tuple[str, str], list[float]] = defaultdict(list)
    for _ in range(turns):
        for name, checkout in (("other", other), ("this", REPOSITORY)):
            environment = {**os.environ, "PYTHONPATH": str(checkout / "src")}
            done = subprocess.run(
                [sys.executable, str(script), str(folder)], env=environment, capture_output=True, text=True, check=False
            )
            if done.returncode:
                sheet.note(
                    f"Not measured beside {other}: {(done.stderr.strip() or 'no reason given').splitlines()[-1]}"
                )
                return
            found = json.loads(done.stdout.splitlines()[-1])
            for what in ("cold", "more"):
                seconds[name, what].append(found[what][1])
    best = {key: min(values) for key, values in seconds.items()}
    rows = [
        (
            what,
            f"{best['other', what]:.1f}",
            f"{best['this', what]:.1f}",
            f"{best['this', what] / best['other', what]:.2f}",
        )
        for what in ("cold", "more")
    ]
    sheet.table(
        f"Beside another revision, processor seconds, best of {turns}", ("search", "other", "this", "ratio"), rows
    )
    sheet.target("cold search, this / the other revision", best["this", "cold"] / best["other", "cold"], at_most=0.35)


def found_by_peers(sheet: Sheet, title: str, folder: Path, expected: set[tuple[str, str]], own: Sequence[str]) -> None:
    """What other tools find in the same files, below what petmood found."""
    rows, script = [("petmood", *own)], REPOSITORY / "benchmarks" / "peers" / "copies_peer.py"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    for tool, needs in PEERS.items():
        place = REPOSITORY / "build" / "peers" / tool
        python = place / ("Scripts" if os.name == "nt" else "bin") / "python"
        if not python.exists():
            venv.create(place, with_pip=True)
        steps = (
            [str(python), "-m", "pip", "install", "--quiet", "--no-deps", tool],
            [str(python), "-m", "pip", "install", "--quiet", *needs],
            [str(python), str(script), tool, str(folder)],
        )
        for step in steps:
            done = subprocess.run(step, env=environment, capture_output=True, text=True, check=False)
            if done.returncode:
                sheet.note(f"{tool} was not measured: {(done.stderr.strip() or 'no reason given').splitlines()[-1]}")
                break
        else:
            told = json.loads(done.stdout.splitlines()[-1])
            got = {tuple(pair) for pair in told["pairs"]}
            right = len(got & expected)
            shares = right / max(len(got), 1), right / max(len(expected), 1)
            seconds = f"{told['seconds']:.1f}", f"{told['processor']:.1f}"
            rows.append((f"{tool} {told['version']}", *(f"{share:.3f}" for share in shares), *seconds))
    sheet.table(title, ("tool", "pair precision", "pair recall", "seconds", "seconds of processor time"), rows)


def edited(pictures: Path, count: int, folder: Path, kinds: Sequence[str], draw: int) -> dict[str, tuple[str, str]]:
    """Write photos, copies of each kind and next frames under random names; path -> (photo, kind).

    Half of the pictures are photos, the others stand in where a kind shows a second picture, each once or twice.
    """
    files = sorted(path for path in pictures.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg", ".png"})
    files = random.Random(draw).sample(files, min(2 * count, len(files)))
    half, rng, truth = len(files) // 2, random.Random(1), {}
    every = [*KINDS, "next frame"]

    def write(image: Image.Image, photo: str, kind: str) -> None:
        path = folder / "ab"[len(truth) % 2] / f"{rng.getrandbits(64):016x}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        image.convert("RGB").save(path, quality=88)
        truth[path.relative_to(folder).as_posix()] = photo, kind

    for i in range(half):
        image, other = (Image.open(file).convert("RGB") for file in (files[i], files[half + i]))
        write(image, str(i), "photo")
        for which, kind in enumerate((kinds[(2 * i) % len(kinds)], kinds[(2 * i + 1) % len(kinds)])):
            more = [draw, which] if draw or len(kinds) == 1 else []  # two copies of one kind are not the same copy
            drawn = np.random.default_rng([i, every.index(kind), *more])
            if kind == "next frame":
                write(next_frame(image, drawn), f"{i} next", kind)
            else:
                write(KINDS[kind](image, drawn, other), str(i), kind)
    return truth


def by_kind(
    sheet: Sheet, pictures: Path, count: int, root: Path, kinds: Sequence[str], draw: int, *, peers: bool
) -> None:
    """What is found of each kind of copy, and what is joined that is none."""
    truth = edited(pictures, count, root / "edited", kinds, draw)
    found, seconds, worked = recover(root / "edited", ContentCache(root / "cache-edited"))
    family = {record.path: record.family for record in found.records}
    photo_of = {photo: path for path, (photo, kind) in truth.items() if kind == "photo"}
    hits: dict[str, list[bool]] = defaultdict(list)
    for path, (photo, kind) in truth.items():
        if kind == "next frame":
            hits[kind].append(family[path] == family[photo_of[photo.split()[0]]])
        elif kind != "photo":
            hits[kind].append(family[path] == family[photo_of[photo]])
    got, expected = pairs(family), pairs({path: photo for path, (photo, _) in truth.items()})
    frames = hits.pop("next frame", [])
    sheet.table("Copies by kind", ("kind", "found", "made"), [(k, sum(v), len(v)) for k, v in sorted(hits.items())])
    sheet.table(
        "Of edited pictures",
        ("images", "seconds", "seconds of processor time", "next frames joined", "next frames"),
        [(len(family), f"{seconds:.1f}", f"{worked:.1f}", sum(frames), len(frames))],
    )
    every = [hit for v in hits.values() for hit in v]
    precision = len(got & expected) / max(len(got), 1)
    if peers:
        recall = len(got & expected) / max(len(expected), 1)
        own = (f"{precision:.3f}", f"{recall:.3f}", f"{seconds:.1f}", f"{worked:.1f}")
        found_by_peers(sheet, "Edited pictures, beside other tools", root / "edited", expected, own)
    sheet.target("pair precision, edited pictures", precision, at_least=0.995)
    if set(kinds) >= set(KINDS):  # all kinds together are asked for more than the worst of them
        sheet.target("copies found, all kinds", sum(every) / max(len(every), 1), at_least=0.97)
    shares = {kind: sum(v) / len(v) for kind, v in hits.items()}
    if "mosaic" in shares:
        sheet.target("copies found, mosaics", shares.pop("mosaic"), at_least=0.8)
    if shares:
        sheet.target("copies found, the worst kind but mosaics", min(shares.values()), at_least=0.9)


def main() -> None:
    """Measure, and write the sheet."""
    parser = options_of(__doc__, data=True)
    parser.add_argument("--no-accuracy", action="store_true", help="do not compare grouped accuracy")
    parser.add_argument("--pictures", type=Path, help="folder of distinct pictures to make edited copies from")
    named = os.environ.get("BESIDE")
    parser.add_argument(
        "--beside",
        type=Path,
        default=Path(named) if named else None,
        help="checkout of another revision to take turns with (default: $BESIDE)",
    )
    parser.add_argument("--peers", action="store_true", help="also search with fastdup and imagededup")
    parser.add_argument("--count", type=int, default=400, help="photos of them that copies are made of")
    parser.add_argument("--draw", type=int, default=0, help="which photos and copies, for another sample of them")
    parser.add_argument(
        "--kinds", default=",".join([*KINDS, "next frame"]), help="kinds of copies, with commas between"
    )
    options = parser.parse_args()
    kinds = options.kinds.split(",")
    if unknown := set(kinds) - {*KINDS, "next frame"}:
        parser.error(f"no kind is called {', '.join(sorted(unknown))}; there are {', '.join([*KINDS, 'next frame'])}.")
    with tempfile.TemporaryDirectory() as work:
        root = Path(work)
        data, called = data_or_demo(options.data, root)
        manifest, files = named_families(data)
        order = random.Random(1).sample(range(len(manifest)), 40 if options.tiny else len(manifest))
        sheet = Sheet(
            "families",
            "Families found in pixels",
            f"{len(order)} images of {called} under random names; what is found is compared with their true names.",
            options.tiny,
        )
        rows = []
        for size in [n for n in SIZES if n < len(order)]:
            scramble(manifest, files, root / str(size), order[:size])
            rows.append(as_row(*recover(root / str(size), ContentCache(root / f"cache{size}"))))
        truth = scramble(manifest, files, root / "all", order)
        cache = ContentCache(root / "cache")
        found, seconds, worked = recover(root / "all", cache)
        rows.append(as_row(found, seconds, worked))
        sheet.table("Growth", ("images", "seconds", "images/s", "seconds of processor time"), rows)
        expected = pairs({path: record.family for path, record in truth.items()})
        got = pairs({record.path: record.family for record in found.records})
        right = len(expected & got)
        precision, recall = right / max(len(got), 1), right / max(len(expected), 1)
        by_name = len({record.family for record in truth.values()})
        sheet.table(
            "What is found",
            ("pair precision", "pair recall", "photos found", "photos by name", "seconds when run again"),
            [
                (
                    f"{precision:.4f}",
                    f"{recall:.4f}",
                    found.n_photos,
                    by_name,
                    f"{recover(root / 'all', cache)[1]:.2f}",
                )
            ],
        )
        sheet.target("pair precision", precision, at_least=0.97)
        sheet.target("pair recall", recall, at_least=0.97)
        sheet.target("processor seconds for 1,000 images", worked * 1000 / len(found), at_most=15, unit=" s")
        if options.peers:
            own = (f"{precision:.3f}", f"{recall:.3f}", f"{seconds:.1f}", f"{worked:.1f}")
            found_by_peers(sheet, "The data, beside other tools", root / "all", expected, own)
        if options.beside is not None:
            beside(sheet, root / "all", options.beside, 1 if options.tiny else 2)
        if options.pictures is not None:
            count = 29 if options.tiny else options.count
            by_kind(sheet, options.pictures, count, root, kinds, options.draw, peers=options.peers)
        if not options.no_accuracy:
            named = tuple(replace(r, family=truth[r.path].family, derived=truth[r.path].derived) for r in found.records)
            accuracies = [
                (kind, grouped_accuracy(one, root / "all", cache))
                for kind, one in (("by name", replace(found, records=named)), ("from pixels", found))
            ]
            sheet.table("Grouped accuracy", ("families", "accuracy"), accuracies)
        sheet.finish(options.out)


if __name__ == "__main__":
    main()
