"""Blocks of columns and member classifiers -> classifiers made of classifiers: blends, stacks, doubts about labels.

Whatever they hold out while they learn, they hold out by family, inside the rows given to `fit`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import StratifiedGroupKFold

from petmood.contract import Classifier
from petmood.errors import ModelError

Make = Callable[[], Classifier]


class Composite(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """What all compositions share."""

    classes_: NDArray[np.str_]

    def check_fitted(self) -> None:
        """Raise a ModelError where `fit` was not called."""
        if not hasattr(self, "classes_"):
            raise ModelError("this head is not trained yet. Call fit first.")


def all_or_given(weights: NDArray[np.float64] | None, n: int) -> NDArray[np.float64]:
    """(n,) float64: the weights given, or all 1."""
    return np.ones(n) if weights is None else np.asarray(weights, dtype=np.float64)


def _own_groups(groups: NDArray[Any] | None, n: int) -> NDArray[Any]:
    return np.arange(n) if groups is None else groups


def out_of_fold(
    make: Make,
    X: NDArray[Any],
    y: NDArray[np.str_],
    groups: NDArray[Any],
    weights: NDArray[np.float64],
    *,
    folds: int,
    seed: int,
) -> NDArray[np.float64]:
    """(n, n_classes) float64: each row's probabilities by a model that saw no row of its family; columns sorted."""
    classes = np.unique(y)
    found = np.full((len(y), len(classes)), 1.0 / len(classes))
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    for train, held in splitter.split(X, y, groups):
        model = make().fit(X[train], y[train], groups=groups[train], sample_weight=weights[train])
        found[held] = aligned(model, X[held], classes)
    return found


def aligned(model: Classifier, X: NDArray[Any], classes: NDArray[np.str_]) -> NDArray[np.float64]:
    """(n, n_classes) float64: probabilities of a model with columns in the order of `classes`."""
    given = model.predict_proba(X)
    ordered = np.zeros((len(given), len(classes)))
    ordered[:, np.searchsorted(classes, model.classes_)] = given
    return ordered


class Columns(Composite):
    """A classifier that reads some of the columns only."""

    def __init__(self, make: Make, columns: NDArray[np.int64]) -> None:
        """Choose the classifier and its columns."""
        self.make = make
        self.columns = columns

    def fit(
        self,
        X: NDArray[Any],
        y: NDArray[np.str_],
        *,
        groups: NDArray[Any] | None = None,
        sample_weight: NDArray[np.float64] | None = None,
    ) -> Self:
        """See `petmood.contract.Classifier`."""
        self.model_ = self.make().fit(X[:, self.columns], y, groups=groups, sample_weight=sample_weight)
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """See `petmood.contract.Classifier`."""
        self.check_fitted()
        return self.model_.predict_proba(X[:, self.columns])


class Blend(Composite):
    """The mean, or a learnt stack, of members' probabilities.

    A stack is a logistic regression on the members' log-probabilities for rows whose family they did not see.
    """

    def __init__(self, members: Sequence[Make], stack: bool = False, folds: int = 5, seed: int = 0) -> None:
        """Choose the members and how they are joined."""
        self.members = members
        self.stack = stack
        self.folds = folds
        self.seed = seed

    def fit(
        self,
        X: NDArray[Any],
        y: NDArray[np.str_],
        *,
        groups: NDArray[Any] | None = None,
        sample_weight: NDArray[np.float64] | None = None,
    ) -> Self:
        """See `petmood.contract.Classifier`."""
        weights, families = all_or_given(sample_weight, len(y)), _own_groups(groups, len(y))
        self.models_ = [make().fit(X, y, groups=families, sample_weight=weights) for make in self.members]
        self.classes_ = np.unique(y)
        self.stacker_ = None
        if self.stack:
            from sklearn.linear_model import LogisticRegression

            held = [
                out_of_fold(make, X, y, families, weights, folds=self.folds, seed=self.seed) for make in self.members
            ]
            self.stacker_ = LogisticRegression(C=0.1, max_iter=1000).fit(
                _logs(held), y, sample_weight=weights / weights.mean()
            )
        return self

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """See `petmood.contract.Classifier`."""
        self.check_fitted()
        each = [aligned(model, X, self.classes_) for model in self.models_]
        if self.stacker_ is None:
            return np.asarray(np.mean(each, axis=0))
        return np.asarray(self.stacker_.predict_proba(_logs(each)), dtype=np.float64)


def _logs(probabilities: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.log(np.clip(np.concatenate(probabilities, axis=1), 1e-4, 1.0))


class NoiseRobust(Composite):
    """Learns twice: the second time each row weighs by how much others' models believe its label.

    The belief is the probability of a row's label by a model that saw no row of its family; with a `floor` of 0 a row
    whose label nobody believes is dropped, with 1 nothing changes.
    """

    def __init__(self, make: Make, floor: float = 0.2, folds: int = 5, seed: int = 0) -> None:
        """Choose the classifier, and the least share of its weight that a row keeps."""
        self.make = make
        self.floor = floor
        self.folds = folds
        self.seed = seed

    def fit(
        self,
        X: NDArray[Any],
        y: NDArray[np.str_],
        *,
        groups: NDArray[Any] | None = None,
        sample_weight: NDArray[np.float64] | None = None,
    ) -> Self:
        """See `petmood.contract.Classifier`."""
        weights, families = all_or_given(sample_weight, len(y)), _own_groups(groups, len(y))
        self.classes_ = np.unique(y)
        held = out_of_fold(self.make, X, y, families, weights, folds=self.folds, seed=self.seed)
        belief = held[np.arange(len(y)), np.searchsorted(self.classes_, y)]
        prior = np.array([np.average(y == name, weights=weights) for name in self.classes_])
        doubted = np.clip(belief / prior[np.searchsorted(self.classes_, y)], 0.0, 1.0)
        self.model_ = self.make().fit(
            X, y, groups=families, sample_weight=weights * (self.floor + (1 - self.floor) * doubted)
        )
        return self

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """See `petmood.contract.Classifier`."""
        self.check_fitted()
        return aligned(self.model_, X, self.classes_)


class EvenPrior(Composite):
    """Divides probabilities by the class shares of training, raised to `strength`: rare classes are answered more."""

    def __init__(self, make: Make, strength: float = 1.0) -> None:
        """Choose the classifier and how far to go: 0 changes nothing, 1 assumes classes are equally common."""
        self.make = make
        self.strength = strength

    def fit(
        self,
        X: NDArray[Any],
        y: NDArray[np.str_],
        *,
        groups: NDArray[Any] | None = None,
        sample_weight: NDArray[np.float64] | None = None,
    ) -> Self:
        """See `petmood.contract.Classifier`."""
        weights = all_or_given(sample_weight, len(y))
        self.model_ = self.make().fit(X, y, groups=groups, sample_weight=weights)
        self.classes_ = self.model_.classes_
        self.prior_ = np.array([np.average(y == name, weights=weights) for name in self.classes_])
        return self

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """See `petmood.contract.Classifier`."""
        self.check_fitted()
        tilted = self.model_.predict_proba(X) / self.prior_**self.strength
        return np.asarray(tilted / tilted.sum(axis=1, keepdims=True))
