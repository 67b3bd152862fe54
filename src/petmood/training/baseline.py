"""Class names, or properties of files that are no part of a face -> what a model must beat."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier

from petmood.training.classifier import Learner, Lesson

_TREES: Final = 150


class MajorityClass(Learner):
    """The shares of the classes in training for every row, so always the class with the most photos there."""

    def learn(self, lesson: Lesson) -> None:
        """See `Learner.learn`."""
        self._shares = lesson.prior

    def answer(self, rows: NDArray[Any]) -> NDArray[np.floating[Any]]:
        """See `Learner.answer`."""
        return np.tile(self._shares, (len(rows), 1))


class PropertyTrees(Learner):
    """Extremely randomised trees (Geurts, Ernst, Wehenkel 2006) on a few properties of each file."""

    def __init__(self, seed: int = 0) -> None:
        """Choose the seed of the trees."""
        self.seed = seed

    def learn(self, lesson: Lesson) -> None:
        """See `Learner.learn`."""
        self._trees = ExtraTreesClassifier(_TREES, min_samples_leaf=5, random_state=self.seed)
        self._trees.fit(lesson.rows, lesson.labels, lesson.weights)

    def answer(self, rows: NDArray[Any]) -> NDArray[np.floating[Any]]:
        """See `Learner.answer`."""
        return np.asarray(self._trees.predict_proba(rows))
