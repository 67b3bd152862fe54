"""The rule for "no pet face here": its thresholds follow the pets, its mistakes are counted."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from bundle_fixtures import Trained
from petmood.build.pet_rule import KINDS, draw_nonpets


def test_drawn_pictures_differ_and_follow_from_the_seed() -> None:
    first = [p.tobytes() for p in draw_nonpets(2 * KINDS, 64, seed=1)]
    assert len(set(first)) == 2 * KINDS
    assert first == [p.tobytes() for p in draw_nonpets(2 * KINDS, 64, seed=1)]
    assert first[0] != next(draw_nonpets(1, 64, seed=2)).tobytes()


def test_the_rule_counts_its_mistakes(trained: Trained) -> None:
    rule = trained.bundle.description.pet
    assert rule is not None
    assert rule.missed.n == trained.bundle.description.data.fitted
    assert rule.accepted.n == 16 * KINDS
    for rate in (rule.missed, rule.accepted):
        assert rate.rate == rate.wrong / rate.n
        assert rate.rate_ci[0] <= rate.rate <= rate.rate_ci[1]


def test_a_picture_unlike_all_training_photos_shows_no_pet(trained: Trained) -> None:
    stripes = np.zeros((224, 224, 3), np.uint8)
    stripes[::8] = 255
    found = trained.bundle.predict(Image.fromarray(stripes))[0]
    rule = trained.bundle.description.pet
    assert rule is not None
    assert found.pet is not None
    assert found.pet.distance > rule.max_distance
    assert found.verdict == "no-pet-face"
    assert "No pet face" in found.sentence


def test_a_picture_unlike_all_it_learned_from_is_said_so_and_never_sure(trained: Trained) -> None:
    rule = trained.bundle.description.unlike
    assert rule is not None
    assert (rule.n, rule.sources) == (trained.bundle.description.data.fitted, 1)
    assert trained.bundle.training_photos is not None
    own = trained.bundle.training_photos.features
    near = trained.bundle.neighbours(own, rule.nearest + 1)
    away = np.array([np.mean([n.distance for n in row[1:]]) for row in near])  # the first is the photo itself
    assert abs((away <= rule.max_distance).mean() - rule.share) < 0.05
    noise = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    found = trained.bundle.predict(Image.fromarray(noise))[0]
    [said] = [c.message for c in found.cautions if c.code == "unlike"]
    assert f"95 % of {rule.n} photos" in said
    assert found.verdict != "sure"


@pytest.mark.realdata
@pytest.mark.slow
def test_on_real_photos_the_rule_misses_few_pets_and_takes_no_drawing(real_data: object, tmp_path: object) -> None:
    from pathlib import Path

    from petmood.config import RunSettings
    from petmood.jobs.train import train

    rule = train(Path(str(real_data)), Path(str(tmp_path)) / "model", "head", RunSettings()).pet
    assert rule is not None
    assert rule.missed.n == 332
    assert rule.missed.rate < 0.04
    assert rule.accepted.wrong == 0
