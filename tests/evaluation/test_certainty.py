from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from petmood.analyses.calibration.words import lines
from petmood.evaluation.calibrate import apply_temperature
from petmood.evaluation.certainty import calibration_facts
from petmood.report.sentences import sets_sentence
from petmood.results import CalibrationFacts

CLASSES = ("a", "b", "c")


def facts(n: int, temperature: float, rare: int | None = None) -> CalibrationFacts:
    rng = np.random.default_rng(0)
    honest = softmax(rng.normal(0, 1.5, (n, 3)), axis=1)
    truth = np.minimum((honest.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1), 2).astype(np.int64)
    if rare is not None:
        keep = np.flatnonzero((truth != 2) | (np.cumsum(truth == 2) <= rare))
        honest, truth = honest[keep], truth[keep]
    shown = apply_temperature(honest, temperature)
    return calibration_facts(shown, truth, CLASSES, model="m", title="M", protocol="p", seed=0)


def test_a_model_that_is_too_sure_is_said_to_be_and_is_mended_on_photos_not_fitted_on() -> None:
    found = facts(1500, 0.4)
    assert found.temperature == pytest.approx(2.5, rel=0.12)
    assert "overconfident" in next(lines(found))
    assert found.before.ece > 3 * found.after.ece
    assert found.after.ece < found.ece_if_calibrated + 0.02
    assert found.after.log_loss < found.before.log_loss
    assert found.after.brier < found.before.brier < found.brier_constant
    assert "underconfident" in next(lines(facts(1500, 2.5)))


def test_sets_cover_what_they_aim_for_on_photos_they_had_not_seen() -> None:
    for sets in facts(1500, 1).sets:
        low, high = sets.coverage_ci
        assert low - 0.02 <= sets.target <= high + 0.02
        assert sum(sets.size_counts) == sets.n
        assert sets.mean_size == pytest.approx(sum((i + 1) * c for i, c in enumerate(sets.size_counts)) / sets.n)
        assert sets.uncoverable == ()


def test_a_class_with_too_few_photos_is_said_to_be_uncoverable() -> None:
    found = facts(600, 1, rare=5)
    sets = next(s for s in found.sets if s.target == pytest.approx(0.9))
    assert sets.uncoverable == ("c",)
    assert not sets.by_class["c"].covered
    assert sets.by_class["c"].coverage == 1
    assert "c cannot be covered: with fewer than 9 photos" in sets_sentence(sets)


def test_the_surer_the_answers_the_more_are_right() -> None:
    points = facts(1500, 1).abstention
    assert [p.n for p in points] == sorted((p.n for p in points), reverse=True)
    assert points[0].answered == 1
    assert points[-1].accuracy > points[0].accuracy + 0.15
    assert [p.threshold for p in points] == sorted(p.threshold for p in points)
    assert all(low <= p.accuracy <= high for p in points for low, high in [p.accuracy_ci])
