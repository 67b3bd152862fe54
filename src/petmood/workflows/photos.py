"""A data set of files -> the same by photo: one row a family, for every measure in which a photo counts once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from petmood.cache import ContentCache
from petmood.config import RunSettings
from petmood.contract import Classifier
from petmood.evaluate.protocols import Predictions, cross_predict
from petmood.features import extract_features, load_backbone
from petmood.progress import Progress, Timed
from petmood.records import FeatureTable, FloatArray, IntArray, Manifest
from petmood.sources import Source
from petmood.split import grouped_folds
from petmood.workflows.families import read_split


@dataclass(frozen=True)
class Photos:
    """One row a family.

    Attributes:
        manifest: with the photo of each family only, in the order of the full manifest.
        full: the manifest with every file.
        features: (n, dim) float32 of one backbone.
        logits: (n, n_outputs) float32 of its own head, or None.
        key: of the features, for caches.
        backbone: its name.
    """

    manifest: Manifest
    full: Manifest
    features: FloatArray
    logits: FloatArray | None
    key: str
    backbone: str

    @property
    def labels(self) -> IntArray:
        """(n,) int64 class indices; -1 where unlabelled."""
        return self.manifest.class_index


def photos_of(features: FeatureTable, manifest: Manifest) -> Photos:
    """Keep one row a family."""
    rows = manifest.photo_index
    return Photos(
        photo_manifest(manifest),
        manifest,
        features.rows(rows),
        features.logits[rows] if features.logits is not None else None,
        features.key,
        features.backbone,
    )


def photo_manifest(manifest: Manifest) -> Manifest:
    """The manifest with one record a family: its photo."""
    return replace(manifest, records=tuple(manifest.records[i] for i in manifest.photo_index))


def fewest_folds(manifest: Manifest, folds: int) -> int:
    """As many folds as asked for, or as the smallest class has photos; at least 2."""
    counts = np.bincount(manifest.class_index[manifest.photo_index], minlength=len(manifest.classes))
    return max(2, min(folds, int(counts.min())))


def predict_photos(
    photos: Photos,
    vectors: NDArray[np.floating[Any]],
    name: str,
    make: Callable[[], Classifier],
    *,
    folds: int,
    seed: int,
    cache: ContentCache,
) -> Predictions:
    """Out-of-fold probabilities of a classifier on any vectors of the photos, in their order, remembered by content.

    Args:
        photos: labels and families.
        vectors: (n, dim).
        name: says how the vectors came from the features and what `make` makes; part of the cache's key.
        make: gives a fresh, unfitted classifier.
        folds: of grouped cross-validation.
        seed: of its folds.
        cache: where predictions are kept.
    """
    manifest = photos.manifest

    def compute() -> dict[str, Any]:
        partition = grouped_folds(manifest, folds=folds, seed=seed)
        made = cross_predict(make, vectors.astype(np.float32), manifest, partition)
        return {"index": made.index.tolist(), "probabilities": made.probabilities.tolist(), "n_train": made.n_train}

    key = [manifest.digest, photos.key, name, folds, seed]
    kept = cache.remember("photos/v1", key, compute)
    return Predictions(np.array(kept["index"]), np.array(kept["probabilities"]), kept["n_train"])


def read_photos(
    source: Source,
    settings: RunSettings,
    cache: ContentCache,
    progress: Progress,
    *,
    labels: Path | None = None,
) -> Photos:
    """Read a labelled data set and embed its photos only (not the copies made from them).

    Args:
        source: the data.
        settings: seed of splits that must be made, and the backbone.
        cache: of what is known by content.
        progress: where to show it.
        labels: labels.csv, if given.

    Raises:
        PetmoodError: the data or the backbone cannot be used.
    """
    full = read_split(source, cache, Timed(progress), seed=settings.seed, mode=settings.families, labels=labels)
    return embed_photos(full, source, settings.backbone, cache, progress)


def embed_photos(full: Manifest, source: Source, backbone: str, cache: ContentCache, progress: Progress) -> Photos:
    """The photos of a manifest with a backbone's features of them; no other file is embedded.

    Raises:
        PetmoodError: the backbone cannot be used.
    """
    manifest = photo_manifest(full)
    network = load_backbone(backbone)
    with progress.stage(f"Extracting features of {network.name}") as tick:
        features = extract_features(manifest, source, network, cache, progress=tick)
    return replace(photos_of(features, manifest), full=full)
