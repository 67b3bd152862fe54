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
from petmood.training.classifier import FeatureClassifier, TrainingRows

Make = Callable[[], Classifier]


def fit_to(
    make: Make, training: TrainingRows, rows: NDArray[Any] | None = None, weights: NDArray[np.float64] | None = None
) -> Classifier:
    """A fresh classifier, fitted on a training, or on other rows or weights of the same length in their place."""
    return make().fit(
        training.rows if rows is None else rows,
        training.labels,
        groups=training.families,
        sample_weight=training.weights if weights is None else weights,
    )


def out_of_fold(make: Make, training: TrainingRows, *, folds: int, seed: int) -> NDArray[np.float64]:
    """(n, n_classes) float64: each row's probabilities by a model that saw no row of its family.

    There are as many folds as asked for, or as the smallest class has families.
    """
    found = np.full((len(training.labels), len(training.classes)), 1.0 / len(training.classes))
    splitter = StratifiedGroupKFold(training.folds(folds), shuffle=True, random_state=seed)
    for train, held in splitter.split(training.rows, training.labels, training.families):
        model = make().fit(
            training.rows[train],
            training.labels[train],
            groups=training.families[train],
            sample_weight=training.weights[train],
        )
        found[held] = aligned(model, training.rows[held], training.classes)
    return found


def aligned(model: Classifier, X: NDArray[Any], classes: NDArray[np.str_]) -> NDArray[np.float64]:
    """(n, n_classes) float64: probabilities of a model with columns in the order of `classes`."""
    given = model.predict_proba(X)
    ordered = np.zeros((len(given), len(classes)))
    ordered[:, np.searchsorted(classes, model.classes_)] = given
    return ordered


class ColumnSubset(FeatureClassifier):
    """A classifier that reads some of the columns only."""

    def __init__(self, make: Make, columns: NDArray[np.int64]) -> None:
        """Choose the classifier and its columns."""
        self.make = make
        self.columns = columns

    def _learn(self, training: TrainingRows) -> None:
        self.model_ = fit_to(self.make, training, training.rows[:, self.columns])

    def _answer(self, rows: NDArray[Any]) -> NDArray[np.floating[Any]]:
        return self.model_.predict_proba(rows[:, self.columns])


class SelfTraining(FeatureClassifier):
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

    def _learn(self, training: TrainingRows) -> None:
        more = self.check_rows(self.unlabelled)
        believed = aligned(fit_to(self.make, training), more, training.classes)
        guess, sureness = believed.argmax(axis=1), believed.max(axis=1)
        kept: list[NDArray[np.int64]] = []
        for code, share in enumerate(training.prior):
            mine = np.flatnonzero(guess == code)
            kept.append(mine[np.argsort(-sureness[mine], kind="stable")[: round(self.keep * share * len(more))]])
        rows = np.concatenate(kept)
        self.model_ = self.make().fit(
            np.concatenate([training.rows, more[rows]]),
            np.concatenate([training.labels, training.classes[guess[rows]]]),
            groups=np.concatenate([own_families(training), len(training.rows) + rows]),
            sample_weight=np.concatenate([training.weights, np.full(len(rows), self.weight)]),
        )

    def _answer(self, rows: NDArray[Any]) -> NDArray[np.floating[Any]]:
        return self.model_.predict_proba(rows)


class Distilled(FeatureClassifier):
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

    def _learn(self, training: TrainingRows) -> None:
        said = out_of_fold(self.teacher, training, folds=self.folds, seed=self.seed)
        target = self.labels * np.eye(len(training.classes))[training.codes] + (1 - self.labels) * said
        k, families = len(training.classes), own_families(training)
        self.model_ = self.student().fit(
            np.tile(training.rows, (k, 1)),
            np.repeat(training.classes, len(training.rows)),
            groups=np.tile(families, k),
            sample_weight=(training.weights[:, np.newaxis] * target).T.ravel(),
        )

    def _answer(self, rows: NDArray[Any]) -> NDArray[np.floating[Any]]:
        return self.model_.predict_proba(rows)


def own_families(training: TrainingRows) -> NDArray[np.int64]:
    """(n,) int64: families as numbers below n, whatever they were given as."""
    return np.asarray(np.unique(training.families, return_inverse=True)[1], dtype=np.int64)
