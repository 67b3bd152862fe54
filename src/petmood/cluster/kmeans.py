"""Features of the train split -> k-means, applied to every split, as the reference study does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from petmood.errors import TooFewError
from petmood.records import FeatureTable, FloatArray, IntArray, Manifest
from petmood.results import ClusterFacts, ClusterSplit

if TYPE_CHECKING:
    from sklearn.cluster import KMeans

SAMPLED: Final = 10_000
"""Images up to which a silhouette is of all of them."""


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


def contingency(clusters: IntArray, labels: IntArray, k: int, n_classes: int) -> NDArray[np.int64]:
    """(k, n_classes) int64 counts of images by cluster and class."""
    table = np.zeros((k, n_classes), dtype=np.int64)
    np.add.at(table, (clusters, labels), 1)
    return table


def purity(table: NDArray[np.int64]) -> float:
    """Share of images that belong to the most frequent class of their cluster, in [1 / n_classes, 1]."""
    return float(table.max(axis=1).sum() / table.sum())


def silhouette(vectors: FloatArray, clusters: IntArray) -> float | None:
    """Mean silhouette width in [-1, 1]; None where it is undefined (one cluster, or every image its own).

    Of more than `SAMPLED` images that many are drawn, the same ones each time: all distances would be too many.
    """
    from sklearn.metrics import silhouette_score

    present = len(np.unique(clusters))
    if not 2 <= present <= len(clusters) - 1:
        return None
    if len(clusters) > SAMPLED:
        drawn = np.random.default_rng(0).choice(len(clusters), SAMPLED, replace=False)
        return silhouette(vectors[drawn], clusters[drawn])
    return float(silhouette_score(vectors, clusters))


def describe_split(
    clusters: IntArray, labels: IntArray, vectors: FloatArray, *, k: int, classes: Sequence[str]
) -> ClusterSplit:
    """Describe how a clustering falls on one split.

    Args:
        clusters: (n,) cluster indices.
        labels: (n,) class indices.
        vectors: (n, dim) float32, for the silhouette.
        k: number of clusters; some may be empty here.
        classes: names in index order.
    """
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    table = contingency(clusters, labels, k, len(classes))
    return ClusterSplit(
        n=len(clusters),
        sizes=tuple(int(v) for v in table.sum(axis=1)),
        composition=tuple({name: int(v) for name, v in zip(classes, row, strict=True)} for row in table),
        purity=purity(table),
        nmi=float(normalized_mutual_info_score(labels, clusters)),
        ari=float(adjusted_rand_score(labels, clusters)),
        silhouette=silhouette(vectors, clusters),
    )
