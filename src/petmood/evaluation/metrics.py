"""True and predicted classes -> accuracy with its interval, macro-F1, balanced accuracy, confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from petmood.evaluation.statistics import mean_interval
from petmood.records import IntArray
from petmood.results import ClassScore, Interval


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of one set of predictions; see `petmood.results.ModelFacts` for the meaning of each."""

    n: int
    correct: int
    accuracy: float
    accuracy_ci: Interval
    macro_f1: float
    balanced_accuracy: float
    confusion: tuple[tuple[int, ...], ...]
    per_class: dict[str, ClassScore]


def score(truth: IntArray, predicted: IntArray, classes: Sequence[str], families: IntArray | None = None) -> Scores:
    """Score predictions.

    Args:
        truth: (n,) true class indices, n >= 1.
        predicted: (n,) predicted class indices.
        classes: names in index order. Macro-F1 and balanced accuracy average over the classes that have true photos; a
            class that is never predicted has F1 0.
        families: (n,) the family of each prediction, for intervals; None: each its own, as where a photo stands once.
    """
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    k = len(classes)
    matrix: NDArray[np.int64] = confusion_matrix(truth, predicted, labels=np.arange(k))
    precision, recall, f1, support = precision_recall_fscore_support(
        truth, predicted, labels=np.arange(k), zero_division=0.0
    )
    present = support > 0
    n, correct, hits = len(truth), int(np.trace(matrix)), truth == predicted
    return Scores(
        n=n,
        correct=correct,
        accuracy=correct / n,
        accuracy_ci=mean_interval(hits, families),
        macro_f1=float(f1[present].mean()),
        balanced_accuracy=float(recall[present].mean()),
        confusion=tuple(tuple(int(v) for v in row) for row in matrix),
        per_class={
            name: ClassScore(
                precision=float(precision[i]),
                recall=float(recall[i]),
                f1=float(f1[i]),
                support=int(support[i]),
                recall_ci=mean_interval(hits[truth == i], None if families is None else families[truth == i])
                if support[i]
                else None,
            )
            for i, name in enumerate(classes)
        },
    )
