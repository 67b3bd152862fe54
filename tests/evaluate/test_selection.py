"""The best of many is worth what it is worth where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from petmood.evaluate.selection import best_of_many


def test_the_best_of_many_coins_is_a_coin() -> None:
    draws = np.random.default_rng(1).random((30, 20, 100)) < 0.5
    chosen = [best_of_many(coins.astype(float), resamples=200) for coins in draws]
    assert np.mean([c.apparent for c in chosen]) > 0.57
    assert np.mean([c.corrected for c in chosen]) == pytest.approx(0.5, abs=0.02)
    assert all(c.interval[0] < c.corrected < c.interval[1] for c in chosen)


def test_a_model_far_ahead_loses_nothing_to_the_correction() -> None:
    rng = np.random.default_rng(2)
    hits = np.vstack([rng.random(300) < 0.9, rng.random((5, 300)) < 0.4]).astype(float)
    chosen = best_of_many(hits, resamples=500)
    assert chosen.corrected == pytest.approx(chosen.apparent, abs=0.01)
