"""Thumbnails and class names -> the class of the most similar one seen: a control that can only remember."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import KNeighborsClassifier

from petmood.errors import DataError
from petmood.training.checks import check_features
from petmood.training.classifier import FeatureClassifier, TrainingRows


class ThumbnailNeighbour(FeatureClassifier):
    """The class of the most similar thumbnail seen in training, itself or in the mirror, with probability 1.

    Each thumbnail is brought to mean 0 and variance 1 first, so that brightness and contrast hide no copy. It learns
    nothing about moods: whatever it gets right beyond chance it got right by finding a picture that it has seen before,
    or one much like it. Rows are (n, side * side * 3) floats: RGB pixels, row by row. Weights are not used.
    """

    def check_rows(self, X: NDArray[Any]) -> NDArray[Any]:
        """(n, side * side * 3) float64: each row of mean 0 and variance 1."""
        return _standardised(X)

    def learn(self, training: TrainingRows) -> None:
        """See `FeatureClassifier.learn`."""
        seen = np.concatenate([training.rows, _mirrored(training.rows)])
        self._model = KNeighborsClassifier(n_neighbors=1, algorithm="brute").fit(seen, np.tile(training.labels, 2))

    def answer(self, rows: NDArray[Any]) -> NDArray[np.floating[Any]]:
        """(n, n_classes) float64: 1 for the class of the nearest row, 0 elsewhere."""
        return np.asarray(self._model.predict_proba(rows))


def _standardised(X: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    rows = check_features(X).astype(np.float64)
    spread = rows.std(axis=1, keepdims=True)
    centred: NDArray[np.float64] = (rows - rows.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, 1.0)
    return centred


def _mirrored(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    side = math.isqrt(rows.shape[1] // 3)
    if side * side * 3 != rows.shape[1]:
        raise DataError(f"thumbnails must be square RGB pixels in a row, got {rows.shape[1]} values a row.")
    return rows.reshape(len(rows), side, side, 3)[:, :, ::-1].reshape(rows.shape)
