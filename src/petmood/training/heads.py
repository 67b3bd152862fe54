"""Frozen features and class names -> classifiers, by name; they err in different ways, so their votes add up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn import config_context
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors

from petmood.contract import Classifier
from petmood.errors import ConfigError
from petmood.training.classifier import FeatureClassifier, TrainingRows, fit_scaler


class LogisticHead(FeatureClassifier):
    """Standardised features, then multinomial logistic regression with an L2 penalty.

    The strength of the penalty follows from the number of features, not from tuning: an L2 penalty is a Gaussian
    prior of variance C on each weight, so with C = 1 / dim the logits of a standardised row have variance 1 before
    any data is seen. With more features than photos, as here, a weaker penalty hardly changes which class is first
    but makes the probabilities far too sure.

    Deterministic: L-BFGS starts from zero and draws nothing.

    Attributes:
        weights_: (dim, n_classes) float64: on features as given, standardisation folded in.
        bias_: (n_classes,) float64. Probabilities are softmax(X @ weights_ + bias_).
    """

    weights_: NDArray[np.float64]
    bias_: NDArray[np.float64]

    def __init__(self, C: float | None = None, max_iter: int = 1000) -> None:  # noqa: N803  # its name everywhere
        """Choose the inverse strength of the penalty (1 / dim if None) and the most iterations of L-BFGS."""
        self.C = C
        self.max_iter = max_iter

    def _learn(self, training: TrainingRows) -> None:
        if self.C is not None and not self.C > 0:
            raise ConfigError(f"setting 'C' must be above 0, got {self.C!r}.")
        # a mean weight of 1, so that C means the same whatever the unit of weights
        weights = training.weights / training.weights.mean()
        scaler = fit_scaler(training.rows, weights)
        model = LogisticRegression(C=self.C or 1 / training.rows.shape[1], max_iter=self.max_iter)
        rows, labels, weights = self.targets(training, weights)
        scaled = scaler.transform(training.rows)
        model.fit(scaled if rows is None else scaled[rows], labels, sample_weight=weights)
        coefficients, intercept = model.coef_.T, model.intercept_
        if len(training.classes) == 2:
            # scikit-learn keeps one column z, the log odds of the second class; (-z/2, z/2) has the same softmax.
            coefficients, intercept = coefficients * [-0.5, 0.5], intercept * [-0.5, 0.5]
        self.weights_ = coefficients / scaler.scale_[:, np.newaxis]
        self.bias_ = intercept - scaler.mean_ @ self.weights_

    def targets(
        self, training: TrainingRows, weights: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64] | None, NDArray[np.str_], NDArray[np.float64]]:
        """What the loss is summed over: rows of the training (None: each once), a class for each, and its weight."""
        return None, training.labels, weights

    def _answer(self, rows: NDArray[Any]) -> NDArray[np.floating[Any]]:
        return np.asarray(softmax(rows @ self.weights_ + self.bias_, axis=1))

    def predict(self, X: NDArray[np.floating[Any]]) -> NDArray[np.str_]:
        """(n,) str: the most probable class of each row. Raises as `predict_proba`."""
        best: NDArray[np.str_] = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return best


class SoftLogisticHead(LogisticHead):
    """Logistic regression on soft targets: the last columns of a row are the probabilities of its classes.

    The loss is the cross-entropy against them: a row counts once for each class, by its probability. A row whose
    columns are all 0 has its label alone.
    """

    def __init__(self, names: Sequence[str], C: float | None = None, max_iter: int = 1000) -> None:  # noqa: N803
        """Name the classes of the last columns, in their order; the rest as in `LogisticHead`."""
        super().__init__(C, max_iter)
        self.names = names

    def _learn(self, training: TrainingRows) -> None:
        k = len(self.names)
        given = training.rows[:, training.rows.shape[1] - k :]
        order = [list(self.names).index(name) for name in training.classes]
        hard = np.eye(len(order))[training.codes]
        total = given[:, order].sum(axis=1, keepdims=True)
        self._soft = np.where(total > 0, given[:, order] / np.where(total > 0, total, 1), hard)
        super()._learn(replace(training, rows=training.rows[:, :-k]))
        del self._soft

    def targets(
        self, training: TrainingRows, weights: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.str_], NDArray[np.float64]]:
        """See `LogisticHead.targets`."""
        rows, classes = self._soft.nonzero()
        return rows, training.classes[classes], weights[rows] * self._soft[rows, classes]

    def _answer(self, rows: NDArray[Any]) -> NDArray[np.floating[Any]]:
        return super()._answer(rows[:, : -len(self.names)])


NEIGHBOURS: Final = 15
_WORKING_MIB: Final = 128  # of distances at once: scikit-learn's own gigabyte would be one for each core


class NeighbourVote(FeatureClassifier):
    """Votes of the nearest training rows of other families, by cosine of standardised features, with one prior vote.

    A row's weight is the weight of its vote.
    """

    def __init__(self, k: int = NEIGHBOURS) -> None:
        """Choose the number of neighbours."""
        self.k = k

    def _learn(self, training: TrainingRows) -> None:
        self._codes, self._weights = training.codes, training.weights
        # one more vote, of average weight, split as the classes are
        self._prior = training.prior * training.weights.mean()
        self._scaler = fit_scaler(training.rows, training.weights)
        self._index = NearestNeighbors(n_neighbors=min(self.k, len(training.rows)), metric="cosine", algorithm="brute")
        self._index.fit(self._scaler.transform(training.rows))

    def _answer(self, rows: NDArray[Any]) -> NDArray[np.floating[Any]]:
        with config_context(working_memory=_WORKING_MIB):
            near = self._index.kneighbors(self._scaler.transform(rows), return_distance=False)
        votes = np.tile(self._prior, (len(near), 1))
        for rank in range(near.shape[1]):
            np.add.at(votes, (np.arange(len(near)), self._codes[near[:, rank]]), self._weights[near[:, rank]])
        return np.asarray(votes / votes.sum(axis=1, keepdims=True))


class ShrunkDiscriminant(FeatureClassifier):
    """Linear discriminant analysis with a covariance shrunk by Ledoit and Wolf's rule, on standardised features.

    Weights are not used: give one row a photo.
    """

    def _learn(self, training: TrainingRows) -> None:
        self._scaler = fit_scaler(training.rows)
        # all rows lie in the span of the training rows, where a covariance of n x n does for one of dim x dim
        scaled = self._scaler.transform(training.rows)
        self._basis = np.linalg.svd(scaled, full_matrices=False)[2] if len(scaled) < scaled.shape[1] else None
        self._model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
        self._model.fit(self._project(scaled), training.labels)

    def _project(self, scaled: NDArray[np.float64]) -> NDArray[np.float64]:
        return scaled if self._basis is None else scaled @ self._basis.T

    def _answer(self, rows: NDArray[Any]) -> NDArray[np.floating[Any]]:
        return np.asarray(self._model.predict_proba(self._project(self._scaler.transform(rows))))


HEADS: Final[dict[str, Callable[[], Classifier]]] = {
    "logistic": LogisticHead,
    # the penalty that scikit-learn has by default and published figures were made with: weak enough to learn by heart
    "logistic-c1": lambda: LogisticHead(C=1.0),
    "neighbours": NeighbourVote,
    "nearest": lambda: NeighbourVote(k=1),
    "discriminant": ShrunkDiscriminant,
}
"""Heads by name; none of them draws anything at random."""


def make_head(name: str) -> Classifier:
    """A fresh head by name.

    Raises:
        ConfigError: an unknown name.
    """
    if name not in HEADS:
        raise ConfigError(f"unknown head '{name}'. Choose one of: {', '.join(HEADS)}.")
    return HEADS[name]()
