from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petmood.evaluation.forecast import fit_curves, forecast_gain, photos_for_gain
from petmood.evaluation.statistics import draw_counts

SIZES = np.array([40.0, 80.0, 120.0, 200.0, 300.0])


@pytest.mark.parametrize(("a", "b", "c"), [(0.8, 2.0, 0.5), (0.6, 10.0, 1.0), (0.95, 1.5, 0.3)])
def test_a_power_law_is_found_again_and_followed(a: float, b: float, c: float) -> None:
    values = a - b * SIZES**-c
    assert fit_curves(SIZES, values[np.newaxis])[0] == pytest.approx((a, b, c), abs=1e-6)
    [needed] = photos_for_gain(SIZES, values[np.newaxis], 300, 0.02, 100)
    assert a - b * (300 + needed) ** -c == pytest.approx(values[-1] + 0.02)


def test_a_flat_or_falling_curve_promises_nothing() -> None:
    flat = np.array([np.full(5, 0.5), np.linspace(0.6, 0.5, 5)])
    # it rises, but levels off too low, or too far away
    low, far = 0.5 - SIZES**-1.0, 0.9 - 2 * SIZES**-0.3
    found = photos_for_gain(SIZES, np.array([*flat, low]), 300, 0.05, 10)
    assert found.tolist() == [math.inf] * 3
    assert photos_for_gain(SIZES, far[np.newaxis], 300, 0.3, 2) == [math.inf]


@given(st.lists(st.floats(0, 1), min_size=5, max_size=5))
def test_the_fit_stays_a_possible_accuracy(values: list[float]) -> None:
    [(a, b, _)] = fit_curves(SIZES, np.array([values]))
    assert 0 <= a <= 1
    assert b >= 0


def test_the_interval_holds_the_truth_that_was_planted() -> None:
    rng = np.random.default_rng(0)
    truth = 0.9 - 4 * SIZES**-0.5
    rates = (rng.random((2000, 1)) < truth).astype(float)
    [planted] = photos_for_gain(SIZES, truth[np.newaxis], 300, 0.05, 10)
    central, (low, high) = forecast_gain(
        SIZES, rates, 300, 0.05, 10, draw_counts(np.ones(2000, dtype=np.int64), resamples=200)
    )
    assert low <= planted <= high
    assert low <= central <= high
