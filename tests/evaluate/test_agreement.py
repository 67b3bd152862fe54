"""Cohen's kappa and its interval against scikit-learn, and where kappa is undefined."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from petmood.evaluate.agreement import agreement

LABELS = st.sampled_from(["Angry", "happy", "Sad"])


@given(pairs=st.lists(st.tuples(LABELS, LABELS), min_size=4, max_size=40))
def test_kappa_is_that_of_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    made = agreement(first, second, resamples=50)
    assert made.n == len(pairs)
    assert made.agreed == sum(a == b for a, b in pairs)
    if len({*first, *second}) == 1:
        assert made.kappa is None
        assert made.kappa_ci is None
        return
    assert made.kappa == pytest.approx(cohen_kappa_score(first, second), abs=1e-12)
    assert made.kappa_ci is not None
    assert -1 <= made.kappa_ci[0] <= made.kappa_ci[1] <= 1


def test_the_interval_covers_the_true_kappa_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    truth, hits, trials = 0.5, 0, 200  # two classes of equal share, agreement 0.75: kappa 0.5
    for seed in range(trials):
        first = rng.integers(0, 2, 120)
        second = np.where(rng.random(120) < 0.75, first, 1 - first)
        made = agreement(first.astype(str).tolist(), second.astype(str).tolist(), resamples=400, seed=seed)
        assert made.kappa_ci is not None
        hits += made.kappa_ci[0] <= truth <= made.kappa_ci[1]
    assert 0.9 <= hits / trials <= 0.99


def test_readings_of_different_length_and_of_nothing() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        agreement(["a"], [])
    assert agreement([], []).kappa is None
