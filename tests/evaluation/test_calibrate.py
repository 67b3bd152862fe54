from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.metrics import brier_score_loss, log_loss

from petmood.errors import ConfigError, DataError
from petmood.evaluation.calibrate import (
    apply_temperature,
    brier_score,
    expected_calibration_error,
    fit_conformal,
    fit_temperature,
    negative_log_likelihood,
    photos_needed,
    reliability,
)
from petmood.records import IntArray

Drawn = tuple[NDArray[np.float64], IntArray]


def drawn(n: int, seed: int, classes: int = 4, spread: float = 1.5) -> Drawn:
    """Probabilities, and classes drawn from exactly these: a calibrated model."""
    rng = np.random.default_rng(seed)
    probabilities = softmax(rng.normal(0, spread, (n, classes)), axis=1)
    truth = (probabilities.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return probabilities, np.minimum(truth, classes - 1).astype(np.int64)


@pytest.mark.parametrize("sureness", [0.4, 1.0, 3.0])
def test_temperature_undoes_a_known_one(sureness: float) -> None:
    probabilities, truth = drawn(6000, 1)
    distorted = apply_temperature(probabilities, 1 / sureness)
    found = fit_temperature(distorted, truth)
    assert found == pytest.approx(sureness, rel=0.08)
    assert apply_temperature(distorted, found) == pytest.approx(probabilities, abs=0.05)
    assert np.array_equal(apply_temperature(distorted, found).argmax(axis=1), probabilities.argmax(axis=1))


@given(st.integers(2, 200), st.integers(0, 1000))
def test_scaling_never_raises_the_loss_it_was_fitted_on(n: int, seed: int) -> None:
    probabilities, truth = drawn(n, seed, spread=3)
    scaled = apply_temperature(probabilities, fit_temperature(probabilities, truth))
    assert negative_log_likelihood(scaled, truth) <= negative_log_likelihood(probabilities, truth) + 1e-6
    assert scaled.sum(axis=1) == pytest.approx(1)


def test_scores_agree_with_scikit_learn() -> None:
    probabilities, truth = drawn(300, 2)
    assert negative_log_likelihood(probabilities, truth) == pytest.approx(log_loss(truth, probabilities))
    expected = brier_score_loss(truth, probabilities, labels=[0, 1, 2, 3], scale_by_half=False)
    assert brier_score(probabilities, truth) == pytest.approx(expected)


def test_calibration_error_is_small_only_for_a_calibrated_model() -> None:
    probabilities, truth = drawn(6000, 3)
    assert expected_calibration_error(probabilities, truth) < 0.025
    assert expected_calibration_error(apply_temperature(probabilities, 0.3), truth) > 0.1


def test_calibration_error_of_a_hand_made_case() -> None:
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [1.0, 0.0]])
    truth = np.array([0, 1, 1, 0])
    bins = reliability(probabilities, truth)
    assert [(b.low, b.n, b.correct) for b in bins] == [(0.5, 1, 1), (0.8, 2, 1), (0.9, 1, 1)]
    assert expected_calibration_error(probabilities, truth) == pytest.approx((0.4 + 2 * 0.4 + 0) / 4)


@pytest.mark.parametrize("alpha", [0.1, 0.2])
def test_sets_cover_each_class_as_promised(alpha: float) -> None:
    hits, n = np.zeros(4), np.zeros(4)
    for seed in range(60):
        fitted = fit_conformal(*drawn(300, seed), alpha=alpha)
        probabilities, truth = drawn(300, 1000 + seed)
        held = fitted.sets(probabilities)[np.arange(300), truth]
        hits += np.bincount(truth[held], minlength=4)
        n += np.bincount(truth, minlength=4)
    assert hits / n == pytest.approx(1 - alpha, abs=0.025)


def test_a_class_with_too_few_photos_is_uncoverable_and_in_every_set() -> None:
    assert (photos_needed(0.1), photos_needed(0.05), photos_needed(0.2)) == (9, 19, 4)
    probabilities, truth = drawn(400, 5)
    keep = np.flatnonzero((truth != 2) | (np.cumsum(truth == 2) <= 8))
    fitted = fit_conformal(probabilities[keep], truth[keep])
    assert fitted.uncoverable == (2,)
    assert fitted.n[2] == 8
    assert fitted.sets(probabilities)[:, 2].all()
    nine = np.flatnonzero((truth != 2) | (np.cumsum(truth == 2) <= 9))
    assert fit_conformal(probabilities[nine], truth[nine]).uncoverable == ()


@given(st.integers(0, 50))
def test_no_set_is_empty(seed: int) -> None:
    probabilities, truth = drawn(60, seed, spread=4)
    assert fit_conformal(probabilities, truth, alpha=0.4).sets(probabilities).any(axis=1).all()


def test_what_cannot_be_calibrated_is_refused() -> None:
    probabilities, truth = drawn(5, 0)
    with pytest.raises(DataError, match="for 4 true classes"):
        fit_temperature(probabilities, truth[:4])
    with pytest.raises(DataError, match="between 0 and 1"):
        fit_temperature(probabilities * 3, truth)
    with pytest.raises(DataError, match="Leave out unlabelled"):
        fit_conformal(probabilities, truth - 5)
    with pytest.raises(ConfigError, match="above 0"):
        apply_temperature(probabilities, 0)
    with pytest.raises(ConfigError, match="between 0 and 1"):
        photos_needed(0)
