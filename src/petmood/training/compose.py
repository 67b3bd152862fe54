"""Blocks of columns and member classifiers -> classifiers made of classifiers: some columns, pupils, own labels.

Whatever they hold out while they learn, they hold out by family, inside the rows given to `fit`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from petmood.contract import Classifier
from petmood.training.classifier import Learner, Lesson

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
    """(n, n_classes) float64: each row's probabilities by a model that saw no row of its family.

    There are as many folds as asked for, or as the smallest class has families.
    """
    found = np.full((len(lesson.labels), len(lesson.classes)), 1.0 / len(lesson.classes))
    splitter = StratifiedGroupKFold(lesson.folds(folds), shuffle=True, random_state=seed)
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


class SelfTraining(Learner):
    """Learns twice: the second time with unlabelled rows too, under the labels that the first model gave them.

    Of each class the surest rows are taken, as many as its share of the labelled weight, so that a class that is easily
    believed does not crowd out the others.
    """

    def __init__(
        self, make: Make, unlabelled: NDArray[np.floating[Any]], keep: float = 0.5, weight: float = 0.1
    ) -> None:
        """Choose the classifier, (m, dim) unlabelled rows, the share of them to keep, and what each of those weighs."""
        self.make = make
        self.unlabelled = unlabelled
        self.keep = keep
        self.weight = weight

    def learn(self, lesson: Lesson) -> None:
        """See `Learner.learn`."""
        more = self.check_rows(self.unlabelled)
        believed = aligned(fit_to(self.make, lesson), more, lesson.classes)
        guess, sureness = believed.argmax(axis=1), believed.max(axis=1)
        kept: list[NDArray[np.int64]] = []
        for code, share in enumerate(lesson.prior):
            mine = np.flatnonzero(guess == code)
            kept.append(mine[np.argsort(-sureness[mine], kind="stable")[: round(self.keep * share * len(more))]])
        rows = np.concatenate(kept)
        self.model_ = self.make().fit(
            np.concatenate([lesson.rows, more[rows]]),
            np.concatenate([lesson.labels, lesson.classes[guess[rows]]]),
            groups=np.concatenate([own_families(lesson), len(lesson.rows) + rows]),
            sample_weight=np.concatenate([lesson.weights, np.full(len(rows), self.weight)]),
        )

    def answer(self, rows: NDArray[Any]) -> NDArray[np.floating[Any]]:
        """See `Learner.answer`."""
        return self.model_.predict_proba(rows)


class Distilled(Learner):
    """A small student that learns what a large teacher says of rows whose families the teacher did not see.

    Each row counts once for each class, weighted by the teacher's probability of it, mixed with its label.
    """

    def __init__(self, teacher: Make, student: Make, labels: float = 0.5, folds: int = 5, seed: int = 0) -> None:
        """Choose teacher and student, and how much labels count beside the teacher: 0 not at all, 1 alone."""
        self.teacher = teacher
        self.student = student
        self.labels = labels
        self.folds = folds
        self.seed = seed

    def learn(self, lesson: Lesson) -> None:
        """See `Learner.learn`."""
        said = out_of_fold(self.teacher, lesson, folds=self.folds, seed=self.seed)
        target = self.labels * np.eye(len(lesson.classes))[lesson.codes] + (1 - self.labels) * said
        k, families = len(lesson.classes), own_families(lesson)
        self.model_ = self.student().fit(
            np.tile(lesson.rows, (k, 1)),
            np.repeat(lesson.classes, len(lesson.rows)),
            groups=np.tile(families, k),
            sample_weight=(lesson.weights[:, np.newaxis] * target).T.ravel(),
        )

    def answer(self, rows: NDArray[Any]) -> NDArray[np.floating[Any]]:
        """See `Learner.answer`."""
        return self.model_.predict_proba(rows)


def own_families(lesson: Lesson) -> NDArray[np.int64]:
    """(n,) int64: families as numbers below n, whatever they were given as."""
    return np.asarray(np.unique(lesson.families, return_inverse=True)[1], dtype=np.int64)
