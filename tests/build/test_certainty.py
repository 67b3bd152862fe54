"""What a bundle calls sure was right at the stated rate on photos that its model had not seen, and is on others."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from petmood.build.description import may_be_sure, trust

CLASSES = ("a", "b", "c")


def photos(rng: np.random.Generator, n: int, signal: float) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities as a model gives them that sees so much of the truth, and boasts of it."""
    truth = rng.integers(0, 3, n)
    scores = rng.normal(size=(n, 3)) + signal * np.eye(3)[truth]
    return softmax(2 * scores, axis=1), truth


@pytest.mark.parametrize("signal", [0.0, 0.5, 1.5, 4.0])
def test_sure_answers_are_right_at_the_stated_rate_on_other_photos(signal: float) -> None:
    said = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        known, truth = photos(rng, 400, signal)
        calibration, conformal = trust(known, truth, CLASSES, "grouped-5-fold")
        new, answers = photos(rng, 4000, signal)
        scaled = softmax(np.log(new) / calibration.temperature, axis=1)
        for level in conformal.levels:
            if not level.sure:
                continue
            said += 1
            limits = np.array([1.0 if t is None else t for t in level.thresholds.values()])
            inside = 1 - scaled <= limits
            inside[np.arange(len(new)), scaled.argmax(axis=1)] = True
            alone = inside.sum(axis=1) == 1
            right = (scaled.argmax(axis=1) == answers)[alone]
            assert right.mean() >= level.coverage - 1.96 * np.sqrt(level.coverage * (1 - level.coverage) / len(right))
    assert said == 0 if signal == 0 else said > 0 if signal > 1 else True


def test_few_answers_are_not_enough_to_be_sure() -> None:
    assert not may_be_sure(0, 0, 0.5)
    assert not may_be_sure(9, 9, 0.8)
    assert may_be_sure(90, 100, 0.8)
    assert not may_be_sure(85, 100, 0.8)
