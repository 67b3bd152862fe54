from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petmood.evaluate.metrics import score, wilson_interval


def test_wilson_reproduces_the_interval_of_the_studys_14_of_38() -> None:
    low, high = wilson_interval(14, 38)
    assert low == pytest.approx(0.234, abs=5e-4)
    assert high == pytest.approx(0.527, abs=5e-4)


def test_wilson_covers_at_its_nominal_rate() -> None:
    rng = np.random.default_rng(0)
    for p in (0.3, 0.5, 0.8):
        hits = rng.binomial(370, p, 2000)
        bounds = {int(h): wilson_interval(int(h), 370) for h in np.unique(hits)}
        covered = np.mean([bounds[int(h)][0] <= p <= bounds[int(h)][1] for h in hits])
        assert 0.93 <= covered <= 0.97


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_estimate_and_stays_in_range(case: tuple[int, int]) -> None:
    correct, n = case
    low, high = wilson_interval(correct, n)
    assert -1e-12 <= low <= correct / n + 1e-12
    assert correct / n - 1e-12 <= high <= 1 + 1e-12


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
