"""Paired differences: exact figures, and intervals that hold the truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from petmood.evaluate.paired import difference_interval, paired_facts


def test_figures_follow_from_the_photos_on_which_two_models_differ() -> None:
    ours = np.array([True] * 50 + [True] * 12 + [False] * 4 + [False] * 34)
    theirs = np.array([True] * 50 + [False] * 12 + [True] * 4 + [False] * 34)
    facts = paired_facts(ours, theirs, name="a", reference="b", protocol="grouped-5-fold")
    assert (facts.n, facts.accuracy, facts.reference_accuracy) == (100, 0.62, 0.54)
    assert facts.gain == pytest.approx(0.08)
    assert facts.p == pytest.approx(binomtest(12, 16).pvalue)
    assert facts.gain_ci[0] < 0.08 < facts.gain_ci[1]
    same = paired_facts(ours, ours, name="a", reference="a", protocol="x")
    assert (same.gain, same.gain_ci, same.p) == (0.0, (0.0, 0.0), 1.0)


def test_the_interval_covers_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(100):
        ours, theirs, _both = rng.multinomial(200, [0.15, 0.1, 0.75])
        low, high = difference_interval(int(ours), int(theirs), 200, resamples=800)
        inside += low <= 0.05 <= high
    assert inside >= 88
