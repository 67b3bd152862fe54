"""Frozen features -> classifiers that err in different ways, whose votes on a label are therefore worth adding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.neighbors import NearestNeighbors

from petmood.contract import Classifier
from petmood.train.heads import LogisticHead
from petmood.train.learner import Learner, Lesson
from petmood.train.scaling import fit_scaler

NEIGHBOURS: Final = 15


class NeighbourVote(Learner):
    """Votes of the nearest training rows of other families, by cosine of standardised features, with one prior vote.

    A row's weight is the weight of its vote.
    """

    def __init__(self, k: int = NEIGHBOURS) -> None:
        """Choose the number of neighbours."""
        self.k = k

    def learn(self, lesson: Lesson) -> None:
        """See `Learner.learn`."""
        self._codes, self._weights = lesson.codes, lesson.weights
        # one more vote, of average weight, split as the classes are
        self._prior = lesson.prior * lesson.weights.mean()
        self._scaler = fit_scaler(lesson.rows, lesson.weights)
        self._index = NearestNeighbors(n_neighbors=min(self.k, len(lesson.rows)), metric="cosine", algorithm="brute")
        self._index.fit(self._scaler.transform(lesson.rows))

    def answer(self, rows: NDArray[Any]) -> NDArray[np.floating[Any]]:
        """See `Learner.answer`."""
        near = self._index.kneighbors(self._scaler.transform(rows), return_distance=False)
        votes = np.tile(self._prior, (len(near), 1))
        for rank in range(near.shape[1]):
            np.add.at(votes, (np.arange(len(near)), self._codes[near[:, rank]]), self._weights[near[:, rank]])
        return np.asarray(votes / votes.sum(axis=1, keepdims=True))


class ShrunkDiscriminant(Learner):
    """Linear discriminant analysis with a covariance shrunk by Ledoit and Wolf's rule, on standardised features.

    Weights are not used: give one row a photo.
    """

    def learn(self, lesson: Lesson) -> None:
        """See `Learner.learn`."""
        self._scaler = fit_scaler(lesson.rows)
        # all rows lie in the span of the training rows, where a covariance of n x n does for one of dim x dim
        scaled = self._scaler.transform(lesson.rows)
        self._basis = np.linalg.svd(scaled, full_matrices=False)[2] if len(scaled) < scaled.shape[1] else None
        self._model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
        self._model.fit(self._project(scaled), lesson.labels)

    def _project(self, scaled: NDArray[np.float64]) -> NDArray[np.float64]:
        return scaled if self._basis is None else scaled @ self._basis.T

    def answer(self, rows: NDArray[Any]) -> NDArray[np.floating[Any]]:
        """See `Learner.answer`."""
        return np.asarray(self._model.predict_proba(self._project(self._scaler.transform(rows))))


VOTERS: Final[dict[str, Callable[[], Classifier]]] = {
    "logistic": LogisticHead,
    "neighbours": NeighbourVote,
    "discriminant": ShrunkDiscriminant,
}
"""Classifiers by name."""
