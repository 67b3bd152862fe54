"""Blocks of columns and member classifiers -> classifiers made of classifiers: blends, stacks, doubts about labels.

Whatever they hold out while they learn, they hold out by family, inside the rows given to `fit`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from petmood.contract import Classifier
from petmood.train.learner import Learner, Lesson

Make = Callable[[], Classifier]


def fit_to(
    make: Make, lesson: Lesson, rows: NDArray[Any] | None = None, weights: NDArray[np.float64] | None = None
) -> Classifier:
    """A fresh classifier, fitted on a lesson, or on other rows or weights of the same length in their place."""
    return make().fit(
        lesson.rows if rows is None else rows,
        lesson.labels,
        groups=lesson.families,
        sample_weight=lesson.weights if weights is None else weights,
    )


def out_of_fold(make: Make, lesson: Lesson, *, folds: int, seed: int) -> NDArray[np.float64]:
    """(n, n_classes) float64: each row's probabilities by a model that saw no row of its family."""
    found = np.full((len(lesson.labels), len(lesson.classes)), 1.0 / len(lesson.classes))
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    for train, held in splitter.split(lesson.rows, lesson.labels, lesson.families):
        model = make().fit(
            lesson.rows[train],
            lesson.labels[train],
            groups=lesson.families[train],
            sample_weight=lesson.weights[train],
        )
        found[held] = aligned(model, lesson.rows[held], lesson.classes)
    return found


def aligned(model: Classifier, X: NDArray[Any], classes: NDArray[np.str_]) -> NDArray[np.float64]:
    """(n, n_classes) float64: probabilities of a model with columns in the order of `classes`."""
    given = model.predict_proba(X)
    ordered = np.zeros((len(given), len(classes)))
    ordered[:, np.searchsorted(classes, model.classes_)] = given
    return ordered


class Columns(Learner):
    """A classifier that reads some of the columns only."""

    def __init__(self, make: Make, columns: NDArray[np.int64]) -> None:
        """Choose the classifier and its columns."""
        self.make = make
        self.columns = columns

    def learn(self, lesson: Lesson) -> None:
        """See `Learner.learn`."""
        self.model_ = fit_to(self.make, lesson, lesson.rows[:, self.columns])

    def answer(self, rows: NDArray[Any]) -> NDArray[np.floating[Any]]:
        """See `Learner.answer`."""
        return self.model_.predict_proba(rows[:, self.columns])


class Blend(Learner):
    """The mean, or a learnt stack, of members' probabilities.

    A stack is a logistic regression on the members' log-probabilities for rows whose family they did not see.
    """

    def __init__(self, members: Sequence[Make], stack: bool = False, folds: int = 5, seed: int = 0) -> None:
        """Choose the members and how they are joined."""
        self.members = members
        self.stack = stack
        self.folds = folds
        self.seed = seed

    def learn(self, lesson: Lesson) -> None:
        """See `Learner.learn`."""
        self.models_ = [fit_to(make, lesson) for make in self.members]
        self.names_ = lesson.classes
        self.stacker_ = None
        if self.stack:
            from sklearn.linear_model import LogisticRegression

            held = [out_of_fold(make, lesson, folds=self.folds, seed=self.seed) for make in self.members]
            self.stacker_ = LogisticRegression(C=0.1, max_iter=1000).fit(
                _logs(held), lesson.labels, sample_weight=lesson.weights / lesson.weights.mean()
            )

    def answer(self, rows: NDArray[Any]) -> NDArray[np.floating[Any]]:
        """See `Learner.answer`."""
        each = [aligned(model, rows, self.names_) for model in self.models_]
        if self.stacker_ is None:
            return np.asarray(np.mean(each, axis=0))
        return np.asarray(self.stacker_.predict_proba(_logs(each)))


def _logs(probabilities: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.log(np.clip(np.concatenate(probabilities, axis=1), 1e-4, 1.0))


class NoiseRobust(Learner):
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

    def learn(self, lesson: Lesson) -> None:
        """See `Learner.learn`."""
        held = out_of_fold(self.make, lesson, folds=self.folds, seed=self.seed)
        belief = held[np.arange(len(held)), lesson.codes]
        doubted = np.clip(belief / lesson.prior[lesson.codes], 0.0, 1.0)
        self.names_ = lesson.classes
        self.model_ = fit_to(self.make, lesson, weights=lesson.weights * (self.floor + (1 - self.floor) * doubted))

    def answer(self, rows: NDArray[Any]) -> NDArray[np.floating[Any]]:
        """See `Learner.answer`."""
        return aligned(self.model_, rows, self.names_)


class EvenPrior(Learner):
    """Divides probabilities by the class shares of training, raised to `strength`: rare classes are answered more."""

    def __init__(self, make: Make, strength: float = 1.0) -> None:
        """Choose the classifier and how far to go: 0 changes nothing, 1 assumes classes are equally common."""
        self.make = make
        self.strength = strength

    def learn(self, lesson: Lesson) -> None:
        """See `Learner.learn`."""
        self.model_ = fit_to(self.make, lesson)
        self.prior_ = lesson.prior

    def answer(self, rows: NDArray[Any]) -> NDArray[np.floating[Any]]:
        """See `Learner.answer`."""
        tilted = self.model_.predict_proba(rows) / self.prior_**self.strength
        return np.asarray(tilted / tilted.sum(axis=1, keepdims=True))
