"""Class names, properties of files, thumbnails, features without a concept -> what a model must beat, and controls."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.neighbors import KNeighborsClassifier

from petmood.errors import DataError
from petmood.features.erasure import Eraser, fit_eraser
from petmood.training.classifier import FeatureClassifier, TrainingRows, check_features
from petmood.training.compose import Make, fit_to

_TREES: Final = 50  # 150 answer the same, within a hundredth of accuracy, in three times the time


class MajorityClass(FeatureClassifier):
    """The shares of the classes in training for every row, so always the class with the most photos there."""

    def _learn(self, training: TrainingRows) -> None:
        self._shares = training.prior

    def _answer(self, rows: NDArray[Any]) -> NDArray[np.floating[Any]]:
        return np.tile(self._shares, (len(rows), 1))


class PropertyTrees(FeatureClassifier):
    """Extremely randomised trees (Geurts, Ernst, Wehenkel 2006) on a few properties of each file."""

    def __init__(self, seed: int = 0) -> None:
        """Choose the seed of the trees."""
        self.seed = seed

    def _learn(self, training: TrainingRows) -> None:
        self._trees = ExtraTreesClassifier(_TREES, min_samples_leaf=5, random_state=self.seed)
        self._trees.fit(training.rows, training.labels, training.weights)

    def _answer(self, rows: NDArray[Any]) -> NDArray[np.floating[Any]]:
        return np.asarray(self._trees.predict_proba(rows))


class ThumbnailNeighbour(FeatureClassifier):
    """The class of the most similar thumbnail seen in training, itself or in the mirror, with probability 1.

    Each thumbnail is brought to mean 0 and variance 1 first, so that brightness and contrast hide no copy. It learns
    nothing about moods: whatever it gets right beyond chance it got right by finding a picture that it has seen before,
    or one much like it. Rows are (n, side * side * 3) floats: RGB pixels, row by row. Weights are not used.
    """

    def check_rows(self, X: NDArray[Any]) -> NDArray[Any]:
        """(n, side * side * 3) float64: each row of mean 0 and variance 1."""
        return _standardised(X)

    def _learn(self, training: TrainingRows) -> None:
        seen = np.concatenate([training.rows, _mirrored(training.rows)])
        self._model = KNeighborsClassifier(n_neighbors=1, algorithm="brute").fit(seen, np.tile(training.labels, 2))

    def _answer(self, rows: NDArray[Any]) -> NDArray[np.floating[Any]]:
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


class ErasedHead(FeatureClassifier):
    """Erases a concept and hands the rest to another head; the last `n_concept` columns are the concept.

    Both are fitted on the rows of `fit` and nothing else, so that cross-validation needs no special care.
    """

    _eraser: Eraser

    def __init__(self, make: Make, method: str, n_concept: int) -> None:
        """Choose the head, one of `petmood.features.erasure.ERASERS`, and the number of columns of the concept."""
        self.make = make
        self.method = method
        self.n_concept = n_concept

    def _learn(self, training: TrainingRows) -> None:
        features, concept = self._split(training.rows)
        self._eraser = fit_eraser(self.method, features, concept, training.weights)
        self._head = fit_to(self.make, training, self._eraser.transform(features, concept))

    def _answer(self, rows: NDArray[Any]) -> NDArray[np.floating[Any]]:
        return self._head.predict_proba(self._eraser.transform(*self._split(rows)))

    def _split(self, rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return rows[:, : -self.n_concept], rows[:, -self.n_concept :]
