"""Class names, or properties of files that are no part of a face -> what a model must beat."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier

from petmood.training.classifier import FeatureClassifier, TrainingRows

_TREES: Final = 50  # 150 answer the same, within a hundredth of accuracy, in three times the time


class MajorityClass(FeatureClassifier):
    """The shares of the classes in training for every row, so always the class with the most photos there."""

    def learn(self, training: TrainingRows) -> None:
        """See `FeatureClassifier.learn`."""
        self._shares = training.prior

    def answer(self, rows: NDArray[Any]) -> NDArray[np.floating[Any]]:
        """See `FeatureClassifier.answer`."""
        return np.tile(self._shares, (len(rows), 1))


class PropertyTrees(FeatureClassifier):
    """Extremely randomised trees (Geurts, Ernst, Wehenkel 2006) on a few properties of each file."""

    def __init__(self, seed: int = 0) -> None:
        """Choose the seed of the trees."""
        self.seed = seed

    def learn(self, training: TrainingRows) -> None:
        """See `FeatureClassifier.learn`."""
        self._trees = ExtraTreesClassifier(_TREES, min_samples_leaf=5, random_state=self.seed)
        self._trees.fit(training.rows, training.labels, training.weights)

    def answer(self, rows: NDArray[Any]) -> NDArray[np.floating[Any]]:
        """See `FeatureClassifier.answer`."""
        return np.asarray(self._trees.predict_proba(rows))
