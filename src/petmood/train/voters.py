"""Frozen features -> classifiers that err in different ways, whose votes on a label are therefore worth adding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from petmood.contract import Classifier
from petmood.errors import ModelError
from petmood.train.checks import check_classes, check_features, check_labels
from petmood.train.heads import LogisticHead

NEIGHBOURS: Final = 15


class NeighbourVote:
    """Votes of the nearest training rows of other families, by cosine of standardised features, with one prior vote.

    Attributes:
        classes_: (n_classes,) str: the class names, sorted.
    """

    classes_: NDArray[np.str_]

    def __init__(self, k: int = NEIGHBOURS) -> None:
        """Choose the number of neighbours."""
        self._k = k

    def fit(
        self,
        X: NDArray[np.floating[Any]],
        y: NDArray[np.str_],
        *,
        groups: NDArray[Any] | None = None,
        sample_weight: NDArray[np.float64] | None = None,
    ) -> Self:
        """Remember rows; see `petmood.contract.Classifier`. A row's weight is the weight of its vote."""
        features = check_features(X)
        labels = check_labels(y, len(features))
        check_classes(labels)
        self.classes_, self._codes = np.unique(labels, return_inverse=True)
        self._weights = np.ones(len(labels)) if sample_weight is None else sample_weight
        # one more vote, of average weight, split as the classes are
        self._prior = np.bincount(self._codes, weights=self._weights) / len(labels)
        self._scaler = StandardScaler().fit(features, sample_weight=sample_weight)
        self._index = NearestNeighbors(n_neighbors=min(self._k, len(labels)), metric="cosine", algorithm="brute")
        self._index.fit(self._scaler.transform(features))
        return self

    def predict_proba(self, X: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """(n, n_classes) float64 probabilities; rows sum to 1.

        Raises:
            ModelError: `fit` was not called.
        """
        if not hasattr(self, "_index"):
            raise ModelError("this classifier is not trained yet. Call fit first.")
        near = self._index.kneighbors(self._scaler.transform(check_features(X)), return_distance=False)
        votes = np.tile(self._prior, (len(near), 1))
        for rank in range(near.shape[1]):
            np.add.at(votes, (np.arange(len(near)), self._codes[near[:, rank]]), self._weights[near[:, rank]])
        return np.asarray(votes / votes.sum(axis=1, keepdims=True))


class ShrunkDiscriminant:
    """Linear discriminant analysis with a covariance shrunk by Ledoit and Wolf's rule, on standardised features.

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
        """Learn from rows; see `petmood.contract.Classifier`. Weights are not used: give one row a photo."""
        features = check_features(X).astype(np.float64)
        labels = check_labels(y, len(features))
        check_classes(labels)
        self._scaler = StandardScaler().fit(features)
        # all rows lie in the span of the training rows, where a covariance of n x n does for one of dim x dim
        scaled = self._scaler.transform(features)
        self._basis = np.linalg.svd(scaled, full_matrices=False)[2] if len(scaled) < scaled.shape[1] else None
        self._model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(self._project(scaled), labels)
        self.classes_ = self._model.classes_
        return self

    def _project(self, scaled: NDArray[np.float64]) -> NDArray[np.float64]:
        return scaled if self._basis is None else scaled @ self._basis.T

    def predict_proba(self, X: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """(n, n_classes) float64 probabilities; rows sum to 1.

        Raises:
            ModelError: `fit` was not called.
        """
        if not hasattr(self, "_model"):
            raise ModelError("this classifier is not trained yet. Call fit first.")
        found: NDArray[np.float64] = self._model.predict_proba(self._project(self._scaler.transform(check_features(X))))
        return found


VOTERS: Final[dict[str, Callable[[], Classifier]]] = {
    "logistic": LogisticHead,
    "neighbours": NeighbourVote,
    "discriminant": ShrunkDiscriminant,
}
"""Classifiers by name."""
