"""Weighted rows of features -> what brings each column to mean 0 and deviation 1, constant columns included."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler


def fit_scaler(features: NDArray[np.floating[Any]], weights: NDArray[np.floating[Any]] | None = None) -> StandardScaler:
    """A fitted StandardScaler of finite scales, 1 for a column that does not vary.

    Args:
        features: (n, dim), finite.
        weights: (n,) of each row, or None.
    """
    with np.errstate(invalid="ignore"):
        scaler = StandardScaler().fit(features, sample_weight=weights)
    # rounding can take the weighted variance of a constant column below 0, and its root is not a number
    lost = ~np.isfinite(scaler.scale_)
    scaler.var_[lost], scaler.scale_[lost] = 0.0, 1.0
    return scaler
