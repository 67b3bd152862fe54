"""Thumbnails and class names -> the class of the most similar one seen: a control that can only remember."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import KNeighborsClassifier

from petmood.errors import DataError, ModelError
from petmood.train.checks import check_classes, check_features, check_labels


class ThumbnailNeighbour:
    """The class of the most similar thumbnail seen in training, itself or in the mirror, with probability 1.

    Each thumbnail is brought to mean 0 and variance 1 first, so that brightness and contrast hide no copy. It learns
    nothing about moods: whatever it gets right beyond chance it got right by finding a picture that it has seen before,
    or one much like it.

    Attributes:
        classes_: (n_classes,) str: the class names, sorted.
    """

    classes_: NDArray[np.str_]

    def fit(
        self,
        X: NDArray[np.floating[Any]],
        y: NDArray[np.str_],
        *,
        groups: NDArray[Any] | None = None,
        sample_weight: NDArray[np.float64] | None = None,
    ) -> Self:
        """Remember thumbnails.

        Args:
            X: (n, side * side * 3) float: RGB pixels, row by row.
            y: (n,) str class names.
            groups: ignored.
            sample_weight: ignored.

        Raises:
            DataError: shapes do not match, values are not finite, or there are fewer than two classes.
        """
        plain = _standardised(X)
        labels = check_labels(y, len(plain))
        check_classes(labels)
        seen = np.concatenate([plain, _mirrored(plain)])
        self._model = KNeighborsClassifier(n_neighbors=1, algorithm="brute").fit(seen, np.tile(labels, 2))
        self.classes_ = self._model.classes_
        return self

    def predict_proba(self, X: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """(n, n_classes) float64: 1 for the class of the nearest row, 0 elsewhere.

        Raises:
            ModelError: `fit` was not called.
        """
        if not hasattr(self, "_model"):
            raise ModelError("this classifier is not trained yet. Call fit first.")
        found: NDArray[np.float64] = self._model.predict_proba(_standardised(X))
        return found


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
