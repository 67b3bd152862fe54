"""A run folder to review, made without a backbone: drawn photos, their manifest, one suspect in results.json."""

from __future__ import annotations

from pathlib import Path

from drawing import jpeg, write_tree
from petmood.cache import ContentCache
from petmood.ingest import read_dataset
from petmood.jobs.provenance import write_source
from petmood.records import Manifest
from petmood.sources import open_source
from petmood.split import complete_splits
from petmood.store import write_json, write_manifest

MOODS = ("Angry", "happy", "Sad")
SUSPECT, LIKE_GIVEN, LIKE_OTHER = "train/Sad/5.jpg", "train/Sad/6.jpg", "train/happy/1.jpg"


def drawn_run(folder: Path, per_class: int = 8) -> tuple[Path, Manifest]:
    """Data and a run of `per_class` photos a class; the first of each also has a copy that is no photo of its own."""
    seeds = iter(range(1, 10_000))
    files = {f"train/{mood}/{i}.jpg": jpeg(next(seeds), (96, 80)) for mood in MOODS for i in range(per_class)}
    files |= {f"train/{mood}/aug-3-0.jpg": jpeg(next(seeds)) for mood in MOODS}
    data, run = write_tree(folder / "faces", files), folder / "run"
    with open_source(data) as source:
        manifest = complete_splits(read_dataset(source, ContentCache()), 0)
    write_manifest(run / "manifest.csv", manifest)
    write_source(run, data, None)
    suspect = {
        "path": SUSPECT,
        "given": "Sad",
        "suggested": "happy",
        "votes": 5,
        "models": 6,
        "p_given": 0.1,
        "p_suggested": 0.8,
        "neighbours_given": [{"path": LIKE_GIVEN, "label": "Sad", "similarity": 0.5}],
        "neighbours_suggested": [{"path": LIKE_OTHER, "label": "happy", "similarity": 0.6}],
    }
    write_json(run / "results.json", {"labels": {"suspects": [suspect]}})
    return run, manifest
