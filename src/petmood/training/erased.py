"""A head that takes a concept (species) out of its features first -> a classifier fitted on training rows alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from petmood.features.erasure import Eraser, fit_eraser
from petmood.training.classifier import FeatureClassifier, TrainingRows
from petmood.training.compose import Make, fit_to


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

    def learn(self, training: TrainingRows) -> None:
        """See `FeatureClassifier.learn`."""
        features, concept = self._split(training.rows)
        self._eraser = fit_eraser(self.method, features, concept, training.weights)
        self._head = fit_to(self.make, training, self._eraser.transform(features, concept))

    def answer(self, rows: NDArray[Any]) -> NDArray[np.floating[Any]]:
        """See `FeatureClassifier.answer`."""
        return self._head.predict_proba(self._eraser.transform(*self._split(rows)))

    def _split(self, rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return rows[:, : -self.n_concept], rows[:, -self.n_concept :]
