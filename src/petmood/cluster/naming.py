"""Features -> clusters worth naming: method and number chosen without labels, and how sure each photo's cluster is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from petmood.cluster.kmeans import silhouette
from petmood.errors import ConfigError, TooFewError
from petmood.records import FloatArray, IntArray

METHODS: Final = ("kmeans", "agglomerative", "gmm")
MOST: Final = 12
_COMPONENTS: Final = 30


@dataclass(frozen=True)
class Grouping:
    """One clustering of n photos.

    Attributes:
        method: one of `METHODS`.
        k: clusters.
        clusters: (n,) int64 from 0, by size, the largest first.
        confidence: (n,) float64 in [0, 1]: 1 - d1 / d2 with the distances to the nearest two cluster means; 0 on the
            border between two clusters.
        silhouettes: mean silhouette of each k that was tried.
    """

    method: str
    k: int
    clusters: IntArray
    confidence: NDArray[np.float64]
    silhouettes: dict[int, float]


def group(vectors: FloatArray, *, method: str = "kmeans", k: int | None = None, seed: int = 0) -> Grouping:
    """Cluster photos, on the principal components that vary most.

    Args:
        vectors: (n, dim) features.
        method: one of `METHODS`.
        k: clusters; the k from 2 to 12 with the highest silhouette if None.
        seed: of the starts.

    Raises:
        ConfigError: an unknown method, or a k that the data cannot have.
        DataError: fewer than four photos.
    """
    from sklearn.decomposition import PCA

    if method not in METHODS:
        raise ConfigError(f"unknown method '{method}'. Choose one of: {', '.join(METHODS)}.")
    n = len(vectors)
    if n < 4:
        raise TooFewError(f"clustering needs 4 photos or more, got {n}. Add photos.")
    if k is not None and not 2 <= k < n:
        raise ConfigError(f"k must be from 2 to {n - 1} for {n} photos, got {k}.")
    parts = min(_COMPONENTS, n - 1, vectors.shape[1])
    points = PCA(parts, random_state=seed).fit_transform(vectors.astype(np.float64))
    tried = {}
    for count in [k] if k is not None else range(2, min(MOST, n - 1) + 1):
        assigned = _assign(points, method, count, seed)
        tried[count] = (silhouette(points.astype(np.float32), assigned) or -1.0, assigned)
    best = max(tried, key=lambda count: (tried[count][0], -count))
    clusters = _by_size(tried[best][1])
    scores = {count: float(score) for count, (score, _) in tried.items()}
    return Grouping(method, best, clusters, confidence(points, clusters), scores)


def _assign(points: NDArray[np.float64], method: str, k: int, seed: int) -> IntArray:
    from sklearn.cluster import AgglomerativeClustering, KMeans
    from sklearn.mixture import GaussianMixture

    makers: dict[str, Any] = {
        "kmeans": lambda: KMeans(n_clusters=k, n_init=10, random_state=seed),
        "agglomerative": lambda: AgglomerativeClustering(n_clusters=k, linkage="ward"),
        "gmm": lambda: GaussianMixture(k, covariance_type="diag", random_state=seed, reg_covar=1e-3, n_init=3),
    }
    return np.asarray(makers[method]().fit_predict(points), dtype=np.int64)


def _by_size(assigned: IntArray) -> IntArray:
    values, counts = np.unique(assigned, return_counts=True)
    order = values[np.lexsort((values, -counts))]
    rank = np.empty(assigned.max() + 1, dtype=np.int64)
    rank[order] = np.arange(len(order))
    return np.asarray(rank[assigned])


def confidence(points: NDArray[np.float64], clusters: IntArray) -> NDArray[np.float64]:
    """(n,) float64 in [0, 1]: how much nearer a photo is to its own cluster's mean than to the next one's."""
    means = np.stack([points[clusters == c].mean(axis=0) for c in range(clusters.max() + 1)])
    distances = np.linalg.norm(points[:, np.newaxis] - means, axis=2)
    own = distances[np.arange(len(points)), clusters]
    distances[np.arange(len(points)), clusters] = np.inf
    other = distances.min(axis=1) if len(means) > 1 else np.full(len(points), np.inf)
    return np.asarray(np.clip(1 - own / np.maximum(other, 1e-12), 0.0, 1.0), dtype=np.float64)
