"""Data and settings -> what every measuring job starts from: manifest with splits, features, cache."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from petmood.cache import ContentCache
from petmood.config import RunSettings
from petmood.features import extract_features, load_backbone
from petmood.progress import Progress, Silent, Timed
from petmood.records import FeatureTable, Manifest
from petmood.sources import Source, open_source
from petmood.workflows.families import read_split


@dataclass(frozen=True)
class Material:
    """An ingested data set with its features, open for reading."""

    source: Source
    manifest: Manifest
    features: FeatureTable
    cache: ContentCache
    progress: Timed


@contextmanager
def open_material(data: Path, settings: RunSettings, progress: Progress | None = None) -> Iterator[Material]:
    """Ingest, complete the splits and extract features; all of it near instant once the cache knows the images.

    Raises:
        PetmoodError: anything the user can mend.
    """
    timed = Timed(progress or Silent())
    with open_source(data) as source:
        cache = ContentCache()
        manifest = read_split(
            source,
            cache,
            timed,
            seed=settings.seed,
            mode=settings.families,
            allow_leakage=settings.allow_leakage,
        )
        with timed.stage("backbone", f"Loading {settings.backbone}"):
            backbone = load_backbone(settings.backbone)
        with timed.stage("features", "Extracting features") as tick:
            features = extract_features(manifest, source, backbone, cache, progress=tick)
        yield Material(source, manifest, features, cache, timed)
