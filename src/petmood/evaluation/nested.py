"""Candidates and outer folds -> predictions by the candidate that the training photos alone chose: nested selection."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from petmood.evaluation.protocols import Predictions
from petmood.records import IntArray, Manifest
from petmood.split import Fold, grouped_folds

CrossPredict = Callable[[Manifest, IntArray, Sequence[Fold]], Predictions]
"""(some records as a data set of their own, their numbers in the whole, folds of them) -> out-of-sample predictions."""


@dataclass(frozen=True)
class NestedScores:
    """A candidate under nested cross-validation.

    Attributes:
        predictions: of the photos of all outer folds, each by a model that saw nothing of its family.
        inner: for each outer fold, the candidate's accuracy by cross-validation inside that fold's training photos.
    """

    predictions: Predictions
    inner: tuple[float, ...]


@dataclass(frozen=True)
class Nested:
    """Out-of-sample predictions of a choice, and how often each candidate was chosen over the outer folds."""

    predictions: Predictions
    chosen: dict[str, int]


def judge(predict: CrossPredict, manifest: Manifest, outer: Sequence[Fold], *, folds: int, seed: int) -> NestedScores:
    """Predict each outer fold's photos, and score the candidate inside each outer fold's training photos.

    Args:
        predict: fits and predicts the candidate.
        manifest: labels and families.
        outer: partitions with disjoint evaluation photos.
        folds: of the inner cross-validation.
        seed: of the inner folds.

    Raises:
        DataError: a class has fewer training photos than inner folds.
        LeakageError: a family straddles an outer fold.
    """
    made = predict(manifest, np.arange(len(manifest)), outer)
    inner = []
    for fold in outer:
        inside = manifest.subset(fold.train)
        held = predict(inside, fold.train, list(grouped_folds(inside, folds=folds, seed=seed)))
        inner.append(float((held.predicted == inside.class_index[held.index]).mean()))
    return NestedScores(made, tuple(inner))


def choose_nested(candidates: Mapping[str, NestedScores], outer: Sequence[Fold]) -> Nested:
    """For each outer fold, the predictions of the candidate that is best inside its training photos.

    The evaluated photos choose nothing, so the accuracy is that of choosing and fitting together.

    Args:
        candidates: name -> how it was judged on `outer`; the first wins where several are equally good.
        outer: the partitions.
    """
    chosen = dict.fromkeys(candidates, 0)
    index, probabilities = [], []
    for number, fold in enumerate(outer):
        best = max(candidates, key=lambda name: candidates[name].inner[number])
        chosen[best] += 1
        made = candidates[best].predictions
        kept = np.isin(made.index, fold.evaluate)
        index.append(made.index[kept])
        probabilities.append(made.probabilities[kept])
    order = np.argsort(np.concatenate(index), kind="stable")
    n_train = round(float(np.mean([judged.predictions.n_train for judged in candidates.values()])))
    return Nested(Predictions(np.concatenate(index)[order], np.concatenate(probabilities)[order], n_train), chosen)
