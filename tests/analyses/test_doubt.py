"""Planted errors come first; the noise rate is near the planted one where models are good."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from needs import needs
from petmood.analyses.labels import doubt
from petmood.analyses.labels.doubt import (
    Similarities,
    conflicting_twins,
    find_doubts,
    nearest_of_class,
    noise_draws,
    noise_rate,
)
from petmood.errors import MissingExtraError

needs("cleanlab")


def draw(
    n: int = 400, noise: float = 0.15, seed: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.bool_], list[NDArray[np.float64]]]:
    """Given labels, which of them are wrong, and three good models' probabilities."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, n)
    wrong = rng.random(n) < noise
    given = np.where(wrong, (truth + rng.integers(1, 3, n)) % 3, truth)
    models = []
    for _ in range(3):
        scores = rng.normal(size=(n, 3)) + 4 * np.eye(3)[truth]
        models.append(np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True))
    return given, wrong, models


def test_planted_errors_come_first_and_are_named() -> None:
    given, wrong, models = draw()
    doubts = find_doubts(given, models)
    first = doubts.order[: wrong.sum()]
    assert wrong[first].mean() > 0.9
    assert (doubts.quality[doubts.order][:-1] <= doubts.quality[doubts.order][1:]).all()
    assert (doubts.suggested != given).all()
    assert doubts.votes.max() == 3
    assert wrong[doubts.flagged].mean() > 0.9
    assert doubts.mean.sum(axis=1) == pytest.approx(1.0)


@pytest.mark.parametrize("noise", [0.0, 0.1, 0.3])
def test_the_noise_rate_is_near_the_planted_one(noise: float) -> None:
    given, wrong, models = draw(n=1000, noise=noise)
    mean = find_doubts(given, models).mean
    found = noise_rate(given, mean)
    assert found == pytest.approx(wrong.mean(), abs=0.04)
    draws = noise_draws(given, mean, np.random.default_rng(0).multinomial(1000, np.full(1000, 1e-3), size=50))
    assert draws.min() <= found <= draws.max()
    # every photo once is the data itself
    assert noise_draws(given, mean, np.ones((1, 1000))) == pytest.approx([found])


def test_a_model_that_knows_nothing_of_moods_takes_its_own_errors_for_noise() -> None:
    given, _, _ = draw(noise=0.0)
    rng = np.random.default_rng(1)
    blind = rng.dirichlet(np.ones(3), len(given))
    assert noise_rate(given, blind) > 0.4


@pytest.mark.parametrize("step", [7, 30])
def test_twins_are_alike_and_disagree(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(30, 50)).astype(np.float32)
    vectors[3] = vectors[7] + 0.01
    vectors[4] = vectors[9] + 0.01
    labels = np.zeros(30, dtype=np.int64)
    labels[7] = 1
    monkeypatch.setattr(doubt, "_CELLS", 30 * step)
    similarity = Similarities(vectors, 0.9)
    assert [(t.a, t.b) for t in conflicting_twins(similarity, labels)] == [(3, 7)]
    assert similarity.pairs.tolist() == [[3, 7], [4, 9]]
    assert similarity.nearest[[3, 7, 4, 9]].tolist() == [7, 3, 9, 4]
    labels[7] = 0
    assert conflicting_twins(similarity, labels) == ()


def test_neighbours_are_the_nearest_of_a_class_and_never_the_photo_itself() -> None:
    vectors = np.array([[0, 1], [0.1, 1], [1, 0], [0.3, 1], [1, 0.2]], dtype=np.float32)
    labels = np.array([0, 0, 1, 0, 1])
    similar = Similarities(vectors, 0.9).of(np.array([0]))[0]
    assert list(nearest_of_class(similar, labels, 0, 0, 5)) == [1, 3]
    assert set(nearest_of_class(similar, labels, 0, 1, 1)) <= {2, 4}


def test_without_cleanlab_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cleanlab", None)
    given, _, models = draw(n=30)
    with pytest.raises(MissingExtraError, match=r"pip install .*\[labels\]"):
        find_doubts(given, models)
