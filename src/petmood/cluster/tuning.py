"""Features -> clusterings by several methods and numbers of clusters, each judged without looking at a label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from petmood.cluster.kmeans import contingency, purity, silhouette
from petmood.records import FloatArray, IntArray
from petmood.results import Tuning, TuningRow

KS: Final = tuple(range(2, 13))
_COMPONENTS: Final = 50
_PAIRS: Final = 5
_STARTS: Final = 3
_SMALLEST: Final = 10  # images in the smallest group that HDBSCAN calls a cluster

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Labels:
    """What is compared with clusters once they are found: (n,) class indices, (n,) species indices."""

    moods: IntArray
    species: IntArray


def tune(
    vectors: FloatArray, families: IntArray, labels: Labels, *, backbone: str, seed: int, ks: Sequence[int] = KS
) -> Tuning:
    """Try k-means, Ward's agglomerative clustering, Gaussian mixtures and HDBSCAN.

    Args:
        vectors: (n, dim) features.
        families: (n,) the photo that each image comes from: resampling draws photos, not files.
        labels: moods and species, only to describe what was found.
        backbone: whose features they are, for the record.
        seed: of every random choice.
        ks: numbers of clusters to try; those of n images or more are left out.
    """
    spaces = _spaces(vectors, seed)
    ks = [k for k in ks if k < len(np.unique(families)) // 2]
    rows = [
        _row(method, name, space, k, assigned, labels, stability)
        for method, name, space, k, assigned, stability in _attempts(spaces, families, ks, seed)
    ]
    plain = [row for row in rows if row.method == "k-means" and row.reduction == "none"]
    best = {
        name: max(plain, key=lambda row: getattr(row, name) or -np.inf).k or 0
        for name in ("silhouette", "calinski_harabasz", "stability")
    }
    return Tuning(backbone=backbone, n=len(vectors), rows=tuple(rows), best_k=best if plain else {})


def _spaces(vectors: FloatArray, seed: int) -> dict[str, Array]:
    from sklearn.decomposition import PCA

    wide = vectors.astype(np.float64)
    count = min(_COMPONENTS, *wide.shape)
    reduced: Array = PCA(count, random_state=seed).fit_transform(wide)
    return {"none": wide, "PCA": reduced, "PCA, whitened": reduced / reduced.std(axis=0).clip(1e-12)}


Attempt = tuple[str, str, Array, int | None, IntArray, float | None]


def _attempts(spaces: dict[str, Array], families: IntArray, ks: Sequence[int], seed: int) -> Iterator[Attempt]:
    from sklearn.cluster import HDBSCAN, AgglomerativeClustering, KMeans
    from sklearn.mixture import GaussianMixture

    for name, space in spaces.items():
        for k in ks:
            # the halves are clustered many times: fewer starts will do
            stability = _stability(KMeans(k, n_init=_STARTS, random_state=seed), space, families, seed)
            yield "k-means", name, space, k, _fit(KMeans(k, n_init=10, random_state=seed), space), stability
    reduced = spaces["PCA"]
    for k in ks:
        yield "agglomerative (Ward)", "PCA", reduced, k, _fit(AgglomerativeClustering(k), reduced), None
    for k in ks:
        mixture = GaussianMixture(k, covariance_type="diag", reg_covar=1e-3, random_state=seed)
        yield "Gaussian mixture", "PCA", reduced, k, _fit(mixture, reduced), None
    for name in ("PCA", "PCA, whitened"):
        found = _fit(HDBSCAN(min_cluster_size=_SMALLEST, copy=True), spaces[name])
        yield "HDBSCAN", name, spaces[name], None, found, None


def _fit(model: Any, space: Array) -> IntArray:
    return np.asarray(model.fit_predict(space), dtype=np.int64)


def _stability(model: Any, space: Array, families: IntArray, seed: int) -> float:
    """Mean ARI over pairs of clusterings, each fitted on a random half of the photos and applied to all images."""
    from sklearn.base import clone
    from sklearn.metrics import adjusted_rand_score

    rng = np.random.default_rng(seed)
    photos = np.unique(families)
    scores = []
    for _ in range(_PAIRS):
        order = rng.permutation(photos)
        halves = order[: len(order) // 2], order[len(order) // 2 :]
        a, b = (clone(model).fit(space[np.isin(families, half)]).predict(space) for half in halves)
        scores.append(adjusted_rand_score(a, b))
    return float(np.mean(scores))


def _row(
    method: str, name: str, space: Array, k: int | None, assigned: IntArray, labels: Labels, stability: float | None
) -> TuningRow:
    from sklearn.metrics import calinski_harabasz_score, normalized_mutual_info_score

    inside = assigned >= 0
    groups, dense = np.unique(assigned[inside], return_inverse=True)
    separable = 2 <= len(groups) < int(inside.sum())
    table = contingency(dense.astype(np.int64), labels.moods[inside], max(len(groups), 1), int(labels.moods.max()) + 1)
    return TuningRow(
        method=method,
        reduction=name,
        dim=space.shape[1],
        k=k,
        clusters=len(groups),
        silhouette=silhouette(space[inside].astype(np.float32), assigned[inside]) if separable else None,
        calinski_harabasz=float(calinski_harabasz_score(space[inside], assigned[inside])) if separable else None,
        stability=stability,
        unclustered=float(1 - inside.mean()),
        nmi=float(normalized_mutual_info_score(labels.moods, assigned)),
        purity=purity(table) if len(groups) else 0.0,
        species_nmi=float(normalized_mutual_info_score(labels.species, assigned)),
    )


def rotate(vectors: FloatArray, train: IntArray) -> FloatArray:
    """(n, len(train)) float32: every row in the axes that span the rows of `train`.

    Centres of k-means are means of rows of train, so they lie in that span. There distances between rows of train are
    kept, and another row's squared distances to all centres shrink by one and the same amount. K-means therefore fits
    and assigns as it would on the rows themselves, some fifty times as fast on 50,176 features of 1,000 images.
    """
    mean = vectors[train].mean(axis=0, dtype=np.float64).astype(np.float32)
    centred = vectors - mean
    base = centred[train]
    gram = (base @ base.T).astype(np.float64)
    values, axes = np.linalg.eigh(gram)
    kept = values > values.max() * 1e-6  # below lies rounding
    scale = np.sqrt(values[kept])
    products = (centred @ base.T).astype(np.float64)
    return np.asarray(products @ (axes[:, kept] / scale), dtype=np.float32)[:, ::-1].copy()
