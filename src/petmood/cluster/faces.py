"""Features of photos -> the photos in the plane, like beside like."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from petmood.records import FloatArray

PERPLEXITY: Final = 30.0


def perplexity_for(n: int) -> float:
    """t-SNE's perplexity for n photos: 30, or less where there are few."""
    return min(PERPLEXITY, max(2.0, (n - 1) / 3))


def place(vectors: FloatArray, seed: int) -> NDArray[np.float64]:
    """(n, 2) float64 in [0, 1]: t-SNE from the first principal components, on the 50 that vary most.

    With fewer than four photos they stand in a row.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    n = len(vectors)
    if n < 4:
        return np.column_stack([np.linspace(0, 1, n), np.full(n, 0.5)])
    reduced = PCA(min(50, n - 1, vectors.shape[1]), random_state=seed).fit_transform(vectors.astype(np.float64))
    placed = TSNE(perplexity=perplexity_for(n), init="pca", learning_rate="auto", random_state=seed).fit_transform(
        reduced
    )
    low, high = placed.min(axis=0), placed.max(axis=0)
    scaled: NDArray[np.float64] = (placed - low) / np.maximum(high - low, 1e-12)
    return scaled
