"""Certainty calibrated over sources that were left out: what is stated holds on the next source, or is not said."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from petmood.errors import ConfigError, DataError
from petmood.evaluation import certainty_elsewhere as transfer
from petmood.evaluation.calibrate import fit_conformal

K = 4


def photos(rng: np.random.Generator, n: int, skill: float, boast: float) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and truth of n photos of a source: evidence of strength `skill`, stated `boast` times as strong."""
    truth = rng.integers(0, K, n)
    evidence = rng.normal(size=(n, K)) + skill * np.eye(K)[truth]
    return softmax(boast * evidence, axis=1), truth


def world(rng: np.random.Generator, sizes: list[int], shift: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sources whose skill is drawn around 1.2 with spread `shift`: what a model is worth differs by source."""
    said, truth = zip(*(photos(rng, n, 1.2 + shift * rng.normal(), 1.5) for n in sizes), strict=True)
    return np.concatenate(said), np.concatenate(truth), np.repeat(np.arange(len(sizes)), sizes)


@pytest.mark.parametrize("n_sources", [2, 3, 5])
@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_sets_hold_what_they_state_on_sources_to_come(n_sources: int, shift: float) -> None:
    rng = np.random.default_rng(n_sources)
    held, sizes = [], []
    for _ in range(60):
        said, truth, source = world(rng, [300] * n_sources, shift)
        fitted = transfer.fit_transfer(said, truth, source)
        new, new_truth, _ = world(rng, [600], shift)
        sets = fitted.levels[0].sets(fitted.scaled(new))
        held.append(sets[np.arange(len(new)), new_truth].mean())
        sizes.append(sets.sum(axis=1).mean())
    assert np.mean(held) >= 0.80
    assert np.mean(np.array(held) >= 0.77) >= transfer.NEXT_SOURCE - 0.05
    assert np.mean(sizes) < K - 0.2  # not by putting everything into every set


def test_what_is_calibrated_on_its_own_source_does_not_hold_elsewhere() -> None:
    rng = np.random.default_rng(0)
    own, own_truth = photos(rng, 2000, 2.0, 1.5)
    new, new_truth = photos(rng, 2000, 0.6, 1.5)
    at = np.arange(len(new))
    plain = fit_conformal(own, own_truth, 0.2).sets(new)[at, new_truth].mean()
    fitted = transfer.fit_transfer(own, own_truth, np.zeros(len(own), dtype=np.int64))
    wide = fitted.levels[0].sets(fitted.scaled(new))[at, new_truth].mean()
    assert plain < 0.70  # the shift is real
    assert wide > plain + 0.1
    assert fitted.sure is None
    assert "one source" in fitted.why_not
    assert not fitted.is_sure(fitted.scaled(own)).any()


def test_sure_is_said_where_it_was_right_everywhere() -> None:
    rng = np.random.default_rng(1)
    parts = [photos(rng, 1500, 2.5, boast) for boast in (1.0, 2.0, 3.0)]
    said, truth = (np.concatenate(part) for part in zip(*parts, strict=True))
    fitted = transfer.fit_transfer(said, truth, np.repeat(np.arange(3), 1500))
    assert fitted.sure is not None
    assert fitted.why_not == ""
    assert fitted.sure.low >= transfer.RATE
    assert min(fitted.sure.n) >= transfer.FEWEST
    new, new_truth = photos(rng, 4000, 2.5, 2.5)
    scaled = fitted.scaled(new)
    sure = fitted.is_sure(scaled)
    assert sure.sum() > 200
    assert (scaled.argmax(axis=1) == new_truth)[sure].mean() >= transfer.RATE - 0.03


def test_sure_is_not_said_where_one_source_forbids_it() -> None:
    rng = np.random.default_rng(2)
    parts = [photos(rng, 1500, 2.5, 1.0), photos(rng, 1500, 0.2, 3.0)]
    said, truth = (np.concatenate(part) for part in zip(*parts, strict=True))
    fitted = transfer.fit_transfer(said, truth, np.repeat([0, 1], 1500))
    assert fitted.sure is None
    assert "not right 80%" in fitted.why_not


def test_sure_is_rarely_said_wrongly() -> None:
    rng = np.random.default_rng(3)
    said_wrongly = 0
    for _ in range(200):
        # every answer of either source is right 78 % of the time, however confident: "sure" is always wrong
        n = 300
        truth = rng.integers(0, K, n)
        given = np.where(rng.random(n) < 0.78, truth, (truth + 1) % K)
        confidence = rng.uniform(0.4, 0.99, n)
        said = np.repeat(((1 - confidence) / (K - 1))[:, None], K, axis=1)
        said[np.arange(n), given] = confidence
        said_wrongly += transfer.fit_transfer(said, truth, rng.integers(0, 2, n)).sure is not None
    assert said_wrongly <= 15  # both of two sources must pass a 5 % test


def test_sources_count_alike_and_classes_within_them() -> None:
    weights = transfer.even_weights(np.array([0, 0, 0, 1, 0, 1]), np.array([0, 0, 0, 0, 1, 1]))
    assert weights[:3].sum() == pytest.approx(weights[3])
    assert weights[:4].sum() == pytest.approx(weights[4:].sum())
    assert weights.mean() == pytest.approx(1)


def test_expected_elsewhere_is_never_above_the_least_seen_and_falls_with_spread() -> None:
    assert transfer.expected_elsewhere(np.array([0.9, 0.9, 0.9])) == pytest.approx(0.9)
    assert transfer.expected_elsewhere(np.array([0.85, 0.95])) < 0.85
    near, far = (transfer.expected_elsewhere(np.array([0.9 - d, 0.9, 0.9 + d])) for d in (0.02, 0.08))
    assert far < near < 0.88
    assert transfer.expected_elsewhere(np.array([0.947])) == pytest.approx(0.8, abs=0.01)


def test_few_photos_put_every_class_into_every_set() -> None:
    said, truth = photos(np.random.default_rng(0), 8, 2.0, 1.0)
    fitted = transfer.fit_transfer(said, truth, np.arange(8) % 2)
    assert fitted.levels[0].limit == 1.0
    assert fitted.levels[0].sets(said).all()
    assert "too few" in fitted.why_not


def test_what_is_not_probabilities_is_refused() -> None:
    said, truth = photos(np.random.default_rng(0), 20, 1.0, 1.0)
    zeros = np.zeros(20, dtype=np.int64)
    with pytest.raises(ConfigError):
        transfer.fit_transfer(said, truth, zeros, coverages=(1.0,))
    with pytest.raises(DataError):
        transfer.fit_transfer(said * 3, truth, zeros)
    with pytest.raises(DataError):
        transfer.fit_transfer(said, truth[:-1], zeros)


def test_a_class_that_was_not_learnt_is_never_denied() -> None:
    rng = np.random.default_rng(5)
    said, truth = photos(rng, 3000, 2.0, 1.5)
    source = np.repeat([0, 1], 1500)
    said[:1500, 3] = 0  # the model that judged the first source never saw the last class
    said /= said.sum(axis=1, keepdims=True)
    known = (truth != 3) | (source == 1)
    blind = transfer.fit_transfer(said, truth, source)
    told = transfer.fit_transfer(said, truth, source, known=known, unlearnt=[3])
    assert blind.levels[0].limit > told.levels[0].limit  # else what one model could not know widens every set
    sets = told.levels[0].sets(told.scaled(said[:1500]))
    assert sets[:, 3].all()
    assert sets.sum(axis=1).mean() < K
    with pytest.raises(DataError, match="in common"):
        transfer.fit_transfer(said, truth, source, known=np.zeros(3000, dtype=bool))
