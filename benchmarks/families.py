"""How well families are recovered from pixels: a data set under random names against its true, named families.

Run it as `python benchmarks/families.py DATA` on a data set whose names tell its families. It copies the files under
random names into flat class folders, finds families in pixels, and prints pair precision and recall, photos found,
seconds, growth with the number of images, and grouped accuracy with either kind of family.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

from petmood.cache import ContentCache
from petmood.config import RunSettings
from petmood.evaluate.metrics import score
from petmood.evaluate.protocols import cross_predict
from petmood.features import extract_features, load_backbone
from petmood.images import MAX_FILE_BYTES
from petmood.ingest import read_dataset
from petmood.progress import Silent, Timed
from petmood.records import ImageRecord, Manifest
from petmood.sources import open_source
from petmood.split import grouped_folds
from petmood.train.heads import make_head
from petmood.workflows.families import ingest

SIZES = (250, 500, 1000)


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
    timed, worked = Timed(Silent()), time.process_time()
    with open_source(folder) as source:
        manifest = ingest(source, cache, timed, mode="pixels").manifest
    return manifest, timed.seconds["families"], time.process_time() - worked


def show(found: Manifest, seconds: float, worked: float) -> None:
    """Print how long it took, and how fast that is."""
    n = len(found)
    print(
        f"{n:5d} images: {seconds:6.1f} s, {n / seconds:6.1f} images/s; {worked:6.1f} s of processor time", flush=True
    )


def grouped_accuracy(manifest: Manifest, folder: Path, cache: ContentCache) -> str:
    """Accuracy of logistic regression on frozen features, five folds grouped by the manifest's families."""
    settings = RunSettings()
    with open_source(folder) as source:
        features = extract_features(manifest, source, load_backbone(settings.backbone), cache)
    folds = grouped_folds(manifest, folds=settings.folds, seed=settings.seed)
    made = cross_predict(lambda: make_head("logistic", settings.seed), features.vectors, manifest, folds)
    scores = score(manifest.class_index[made.index], made.predicted, manifest.classes)
    low, high = scores.accuracy_ci
    return f"{scores.accuracy:.3f} ({low:.3f} to {high:.3f}, n = {scores.n} photos)"


def main() -> None:
    """Print the measures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder or .zip whose file names tell families")
    parser.add_argument("--no-accuracy", action="store_true", help="do not compare grouped accuracy")
    options = parser.parse_args()
    manifest, files = named_families(options.data)
    order = random.Random(1).sample(range(len(manifest)), len(manifest))
    with tempfile.TemporaryDirectory() as work:
        root = Path(work)
        print(f"{len(manifest)} images of {manifest.n_photos} photos by name; {os.cpu_count()} cores")
        for size in [n for n in SIZES if n < len(manifest)]:
            scramble(manifest, files, root / str(size), order[:size])
            show(*recover(root / str(size), ContentCache(root / f"cache{size}")))
        truth = scramble(manifest, files, root / "all", order)
        cache = ContentCache(root / "cache")
        found, seconds, worked = recover(root / "all", cache)
        show(found, seconds, worked)
        print(f"again: {recover(root / 'all', cache)[1]:.2f} s")
        expected = pairs({path: record.family for path, record in truth.items()})
        got = pairs({record.path: record.family for record in found.records})
        right = len(expected & got)
        print(f"pair precision {right / max(len(got), 1):.4f}, recall {right / max(len(expected), 1):.4f}")
        print(f"photos found: {found.n_photos}, by name: {manifest.n_photos}")
        if not options.no_accuracy:
            named = tuple(replace(r, family=truth[r.path].family, derived=truth[r.path].derived) for r in found.records)
            kept = ContentCache()
            for kind, one in (("by name", replace(found, records=named)), ("from pixels", found)):
                print(f"grouped accuracy, families {kind}: {grouped_accuracy(one, root / 'all', kept)}")


if __name__ == "__main__":
    start = time.perf_counter()
    main()
    print(f"{time.perf_counter() - start:.0f} s in all")
