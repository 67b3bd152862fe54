from __future__ import annotations

import numpy as np
import pytest

from petmood.demo.dataset import draw_portrait
from petmood.demo.geometry import Frame, ellipse, points, ribbon, symmetric, tufted, turn
from petmood.demo.moods import CALM, MOODS, VARIANTS, express
from petmood.demo.plan import DEFAULT_PHOTOS, apportion, make_plan
from petmood.demo.scenes import SCENES
from petmood.demo.species import SPECIES


def rng(*seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_a_frame_scales_turns_and_shifts_by_depth() -> None:
    frame = Frame(x=100, y=50, scale=10, roll=np.pi / 2, yaw=0.5, pitch=0)
    assert frame(points((0, 0))) == pytest.approx(np.array([[100, 50]]))
    assert frame(points((1, 0))) == pytest.approx(np.array([[100, 60]]))  # clockwise: right goes down
    assert frame(points((1, 0)), depth=2) == pytest.approx(np.array([[100, 70]]))


def test_shapes_keep_their_symmetry_and_size() -> None:
    shape = symmetric((0, -1), (0.8, -0.4), (0.9, 0.5), (0, 1))
    assert shape[:, 0].min() == pytest.approx(-shape[:, 0].max(), abs=1e-9)
    assert np.hypot(*turn(ellipse(0, 0, 1, 1), 1.0, (0, 0)).T) == pytest.approx(np.ones(56))
    assert np.ptp(ribbon(points((0, 0), (1, 0), (2, 0)), 0.4)[:, 1]) == pytest.approx(0.4)
    hairy = np.hypot(*tufted(ellipse(0, 0, 1, 1), 0.1, rng(0)).T)
    assert hairy.min() > 0.98
    assert 1.05 < hairy.max() <= 1.1 + 1e-6


def test_a_mood_at_no_strength_is_a_calm_face() -> None:
    for mood in MOODS:
        name, face = express(mood, 0.0, rng(1))
        assert name in VARIANTS[mood]
        assert (face.arcs, face.tears) == (0, 0)
        assert abs(face.smile - CALM.smile) < 0.3


def test_moods_differ_where_people_look() -> None:
    drawn = {mood: [express(mood, 1.0, rng(i))[1] for i in range(20)] for mood in MOODS}
    assert min(e.smile for e in drawn["happy"]) > 0.7 > max(e.smile for m in ("Sad", "Angry") for e in drawn[m])
    assert min(e.brow_slant for e in drawn["Angry"]) > 0.7
    assert max(e.brow_slant for e in drawn["Sad"]) < -0.7
    assert all(e.tears for e in drawn["Sad"])
    assert min(e.teeth for e in drawn["Angry"]) > 0.5 > max(e.teeth for e in drawn["happy"])


@pytest.mark.parametrize("species", SPECIES)
@pytest.mark.parametrize("mood", MOODS)
def test_every_species_shows_every_mood(species: str, mood: str) -> None:
    first = draw_portrait(species, mood, 0.9, 64, rng(5))
    assert (first.image.size, first.image.mode) == ((64, 64), "RGB")
    assert first.scene in SCENES
    pixels = np.asarray(first.image, dtype=float)
    assert pixels.std() > 15  # something is drawn
    assert np.array_equal(pixels, np.asarray(draw_portrait(species, mood, 0.9, 64, rng(5)).image))
    assert np.abs(pixels - np.asarray(draw_portrait(species, mood, 0.9, 64, rng(6)).image)).mean() > 5


def test_apportioning_adds_up_and_follows_its_shares() -> None:
    assert apportion(10, (0.5, 0.3, 0.2)) == [5, 3, 2]
    assert apportion(7, (1, 1, 1)) == [3, 2, 2]
    assert apportion(0, (1, 2)) == [0, 0]


def test_plans_follow_their_seed_and_reuse_no_name() -> None:
    plan = make_plan(DEFAULT_PHOTOS, 3, 224)
    assert plan == make_plan(DEFAULT_PHOTOS, 3, 224) != make_plan(DEFAULT_PHOTOS, 4, 224)
    stems = [(p.label, p.stem) for p in plan.photos] + [(c.label, c.stem) for c in plan.copies]
    stems += list(zip(("Sad", "happy", "Other"), plan.broken, strict=True))
    assert len(set(stems)) == len(stems)
