"""Features of photos -> a place in the plane for each, so that photos that look alike lie near each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from petmood.cache import open_cache
from petmood.records import FeatureTable

MOST_FOR_TSNE: Final = 2000
"""Photos up to which t-SNE is quick; more are laid out by their two principal components."""


@dataclass(frozen=True)
class MapLayout:
    """Where photos lie.

    Attributes:
        places: (n, 2) float64 in [0, 1], right and down.
        method: "t-SNE" or "PCA".
    """

    places: NDArray[np.float64]
    method: str


def layout(features: FeatureTable, digests: tuple[str, ...]) -> MapLayout:
    """t-SNE (van der Maaten and Hinton 2008) from principal components, computed once and remembered by content.

    Args:
        features: of n photos.
        digests: (n,) of the photos' contents.
    """
    kept = open_cache().remember("layout/v2", [features.key, *digests], lambda: _place(features.vectors))
    return MapLayout(np.array(kept["places"], dtype=np.float64).reshape(-1, 2), kept["method"])


def _place(vectors: NDArray[np.float32]) -> dict[str, object]:
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    n = len(vectors)
    spread = vectors.std(axis=0)
    standard = (vectors - vectors.mean(axis=0)) / np.where(spread > 0, spread, 1)
    method = "t-SNE" if 10 <= n <= MOST_FOR_TSNE else "PCA"
    with threadpool_limits(1):
        size = min(2 if method == "PCA" else 50, *standard.shape)
        reduced = PCA(size, random_state=0).fit_transform(standard)
        if method == "t-SNE":
            reduced = TSNE(2, perplexity=min(30, (n - 1) / 3), random_state=0, n_jobs=1).fit_transform(reduced)
    plane = np.zeros((n, 2))
    plane[:, : min(2, reduced.shape[1])] = reduced[:, :2]
    low, high = plane.min(axis=0), plane.max(axis=0)
    plane = (plane - low) / np.where(high > low, high - low, 1)
    return {"places": np.round(plane, 4).tolist(), "method": method}
