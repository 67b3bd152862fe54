"""Features of the train split -> k-means, applied to every split, as the reference study does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from petmood.cluster.describe import describe_split
from petmood.errors import TooFewError
from petmood.records import FeatureTable, IntArray, Manifest
from petmood.results import ClusterFacts

if TYPE_CHECKING:
    from sklearn.cluster import KMeans


def fit_kmeans(vectors: FeatureTable, rows: IntArray, *, k: int, n_init: int, seed: int) -> KMeans:
    """Fit Lloyd's k-means on some rows of a feature table.

    Raises:
        DataError: fewer images than clusters.
    """
    from sklearn.cluster import KMeans

    if len(rows) < k:
        raise TooFewError(f"k-means with k={k} needs {k} photos or more in train, got {len(rows)}. Choose a smaller k.")
    return KMeans(n_clusters=k, n_init=n_init, random_state=seed).fit(vectors.rows(rows))


def kmeans_facts(features: FeatureTable, manifest: Manifest, *, k: int, n_init: int, seed: int) -> ClusterFacts:
    """K-means fitted on the photos of train and applied to the photos of each split, with files counted beside them.

    Args:
        features: one row a record of the manifest.
        manifest: labels, families and splits.
        k: number of clusters.
        n_init: restarts, of which the one with the least inertia is kept.
        seed: of the restarts.

    Raises:
        DataError: fewer photos of train than clusters.
    """
    model = fit_kmeans(features, manifest.photos_in_split("train"), k=k, n_init=n_init, seed=seed)
    assigned = np.asarray(model.predict(features.vectors), dtype=np.int64)
    splits = {}
    for split in manifest.split_names():
        rows = manifest.photos_in_split(split)
        found = describe_split(
            assigned[rows], manifest.class_index[rows], features.rows(rows), k=k, classes=manifest.classes
        )
        files = np.bincount(assigned[manifest.in_split(split)], minlength=k)
        splits[split] = found.model_copy(update={"unit": "photos", "beside": tuple(int(n) for n in files)})
    return ClusterFacts(
        name=f"k-means on {features.backbone}",
        backbone=features.backbone,
        method="kmeans",
        k=k,
        n_init=n_init,
        seed=seed,
        fitted_on="train",
        splits=splits,
    )
