from __future__ import annotations

import numpy as np
import pytest

from petmood.evaluation.metrics import score


def test_scores_of_a_known_confusion() -> None:
    truth = np.array([0, 0, 0, 0, 1, 1, 2, 2])
    predicted = np.array([0, 0, 0, 1, 1, 0, 0, 0])
    scores = score(truth, predicted, ("a", "b", "c"))
    assert (scores.n, scores.correct, scores.accuracy) == (8, 4, 0.5)
    assert scores.confusion == ((3, 1, 0), (1, 1, 0), (2, 0, 0))
    assert scores.balanced_accuracy == pytest.approx((0.75 + 0.5 + 0) / 3)
    f_a, f_b = 2 * 0.5 * 0.75 / 1.25, 0.5
    assert scores.macro_f1 == pytest.approx((f_a + f_b + 0) / 3)
    assert scores.per_class["c"].support == 2


def test_a_class_without_true_photos_does_not_count_in_averages() -> None:
    scores = score(np.array([0, 0]), np.array([0, 1]), ("a", "b"))
    assert scores.balanced_accuracy == 0.5
    assert scores.per_class["b"].support == 0


def test_files_of_a_photo_stay_together_in_the_intervals() -> None:
    truth, predicted = np.repeat([0, 0, 1, 1], 10), np.repeat([0, 1, 1, 0], 10)
    alone, together = (score(truth, predicted, ("a", "b"), f) for f in (None, np.repeat(np.arange(4), 10)))
    assert alone.accuracy == together.accuracy
    assert np.ptp(together.accuracy_ci) > 1.5 * np.ptp(alone.accuracy_ci)
    assert np.ptp(together.per_class["a"].recall_ci or ()) > 1.5 * np.ptp(alone.per_class["a"].recall_ci or ())
