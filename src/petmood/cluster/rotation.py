"""Long feature rows -> the few coordinates that k-means needs of them, with all its distances kept."""

from __future__ import annotations

import numpy as np

from petmood.records import FloatArray, IntArray


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
