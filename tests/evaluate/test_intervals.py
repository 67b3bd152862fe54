"""Intervals hold the truth as often as they say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, bootstrap

from petmood.evaluate.intervals import bootstrap_interval, family_totals
from petmood.evaluate.metrics import wilson_interval


def simulate(n: int, accuracy: float, runs: int, seed: int) -> tuple[float, float]:
    """Shares of runs in which the interval holds the truth: resampling families, and (naively) counting files.

    Photos differ in how hard they are, and each stands in 1 to 4 files that are about as hard.
    """
    rng = np.random.default_rng(seed)
    held = naive = 0
    for _ in range(runs):
        ease = rng.beta(2 * accuracy, 2 * (1 - accuracy), n)
        families = np.repeat(np.arange(n), rng.integers(1, 5, n))
        hits = (rng.random(len(families)) < ease[families]).astype(np.float64)
        low, high = bootstrap_interval(hits, families, resamples=999)
        held += low <= accuracy <= high
        low, high = wilson_interval(int(hits.sum()), len(hits))
        naive += low <= accuracy <= high
    return held / runs, naive / runs


@pytest.mark.parametrize(("n", "accuracy"), [(60, 0.5), (150, 0.8)])
def test_nominal_95_percent_covers_93_to_97_over_simulated_families(n: int, accuracy: float) -> None:
    runs = 1000
    covered, naive = simulate(n, accuracy, runs, seed=n)
    assert 0.93 <= covered <= 0.97
    # counting files as if they were photos claims more than is known
    assert naive < 0.90


def test_wilson_covers_on_a_small_test_split() -> None:
    bounds = np.array([wilson_interval(hits, 38) for hits in range(39)])
    accuracies = np.linspace(0.2, 0.8, 61)
    covered = [binom.pmf(np.arange(39), 38, p)[(bounds[:, 0] <= p) & (p <= bounds[:, 1])].sum() for p in accuracies]
    assert 0.93 <= np.mean(covered) <= 0.97


def test_it_agrees_with_scipy_on_many_photos() -> None:
    hits = (np.random.default_rng(2).random(400) < 0.4).astype(np.float64)
    theirs = bootstrap((hits,), np.mean, method="percentile", rng=np.random.default_rng(0)).confidence_interval
    assert bootstrap_interval(hits, resamples=9999) == pytest.approx((theirs.low, theirs.high), abs=0.006)


def test_copies_of_a_photo_add_no_certainty() -> None:
    hits = (np.random.default_rng(3).random(50) < 0.5).astype(np.float64)
    once = bootstrap_interval(hits)
    copied = bootstrap_interval(np.repeat(hits, 9), np.repeat(np.arange(50), 9))
    assert copied == pytest.approx(once)


def test_where_nothing_varies_the_interval_is_still_honest() -> None:
    assert bootstrap_interval(np.ones(20)) == wilson_interval(20, 20)
    assert bootstrap_interval(np.zeros(60), np.repeat(np.arange(20), 3)) == wilson_interval(0, 20)
    assert bootstrap_interval(np.array([0.5]), np.array([3])) == (0.5, 0.5)
    assert bootstrap_interval(np.array([0.0, 1.0]), np.array([3, 3])) == (0.0, 1.0)


def test_equal_seeds_give_equal_intervals() -> None:
    hits = (np.random.default_rng(4).random(80) < 0.5).astype(np.float64)
    assert bootstrap_interval(hits, seed=5) == bootstrap_interval(hits, seed=5)
    assert bootstrap_interval(hits, seed=5) != bootstrap_interval(hits, seed=6)


def test_totals_of_families() -> None:
    sums, counts = family_totals(np.array([1.0, 0.0, 1.0, 1.0]), np.array([7, 2, 7, 7]))
    assert (sums.tolist(), counts.tolist()) == ([0.0, 3.0], [1.0, 3.0])
