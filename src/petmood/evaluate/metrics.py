"""True and predicted classes -> accuracy with its interval, macro-F1, balanced accuracy, confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from petmood.records import IntArray
from petmood.results import ClassScore, Interval

CONFIDENCE = 0.95


def wilson_interval(correct: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """Wilson's score interval of a proportion (Wilson 1927), as fractions in [0, 1].

    Args:
        correct: successes, 0..n.
        n: independent trials, 1 or more: photos, not files.
        confidence: nominal coverage.
    """
    from scipy.stats import binomtest

    interval = binomtest(correct, n).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


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


def score(truth: IntArray, predicted: IntArray, classes: Sequence[str]) -> Scores:
    """Score predictions, each photo once.

    Args:
        truth: (n,) true class indices, n >= 1.
        predicted: (n,) predicted class indices.
        classes: names in index order. Macro-F1 and balanced accuracy average over the classes that have true photos; a
            class that is never predicted has F1 0.
    """
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    k = len(classes)
    matrix: NDArray[np.int64] = confusion_matrix(truth, predicted, labels=np.arange(k))
    precision, recall, f1, support = precision_recall_fscore_support(
        truth, predicted, labels=np.arange(k), zero_division=0.0
    )
    present = support > 0
    n, correct = len(truth), int(np.trace(matrix))
    return Scores(
        n=n,
        correct=correct,
        accuracy=correct / n,
        accuracy_ci=wilson_interval(correct, n),
        macro_f1=float(f1[present].mean()),
        balanced_accuracy=float(recall[present].mean()),
        confusion=tuple(tuple(int(v) for v in row) for row in matrix),
        per_class={
            name: ClassScore(
                precision=float(precision[i]),
                recall=float(recall[i]),
                f1=float(f1[i]),
                support=int(support[i]),
                recall_ci=wilson_interval(int(matrix[i, i]), int(support[i])) if support[i] else None,
            )
            for i, name in enumerate(classes)
        },
    )
