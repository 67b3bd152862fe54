"""How unlike a picture is to training: planted sources at known distances, and families that are no neighbours."""

from __future__ import annotations

import numpy as np
import pytest

from petmood.errors import DataError
from petmood.evaluation import unlikeness


def sources(rng: np.random.Generator, n_sources: int, n: int, apart: float) -> list[np.ndarray]:
    """Sources of n photos whose 64 features follow from 4 causes, around centres that lie `apart` from each other."""
    mixing = rng.normal(size=(4, 64))
    return [
        (rng.normal(size=(n, 4)) + apart * rng.normal(size=4)) @ mixing + 0.3 * rng.normal(size=(n, 64))
        for _ in range(n_sources)
    ]


def fitted(parts: list[np.ndarray]) -> unlikeness.Unlikeness:
    """Limits of a model of some sources."""
    rows, source = np.concatenate(parts), np.repeat(np.arange(len(parts)), [len(p) for p in parts])
    families = np.arange(len(rows))
    own = unlikeness.distances(rows, rows, families=families, training_families=families)
    left = [unlikeness.distances(rows[source == s], rows[source != s]) for s in range(len(parts))]
    return unlikeness.fit_unlikeness(own, np.concatenate(left), source)


def test_levels_follow_the_distance_at_which_sources_were_planted() -> None:
    rng = np.random.default_rng(0)
    parts = sources(rng, 5, 200, 1.5)
    found = fitted(parts[:4])
    training = np.concatenate(parts[:4])

    def levels(rows: np.ndarray) -> np.ndarray:
        return np.array(found.level(unlikeness.distances(rows, training)))

    again = parts[0] + rng.normal(size=parts[0].shape) * 0.1
    assert (levels(again) == "like training").mean() > 0.95
    next_source = levels(parts[4])
    assert (next_source != "like training").mean() > found.share_left_out[0] / 4
    assert (next_source == "unlike").mean() < 0.3
    other_causes = rng.normal(size=(200, 4)) @ rng.normal(size=(4, 64)) + training.mean(axis=0)
    assert (levels(other_causes) == "unlike").mean() > 0.95


def test_a_photo_is_no_neighbour_of_its_own_family() -> None:
    rng = np.random.default_rng(1)
    photos = rng.normal(size=(40, 16))
    rows, families = np.repeat(photos, 3, axis=0), np.repeat(np.arange(40), 3)
    with_own = unlikeness.distances(rows, rows)
    without = unlikeness.distances(rows, rows, families=families, training_families=families)
    assert with_own.max() < without.min()
    # each photo as if it had one row, and the nearest others counted three times
    ones = np.arange(40)
    lone = unlikeness.distances(photos, photos, families=ones, training_families=ones, nearest=1)
    thrice = unlikeness.distances(rows, rows, families=families, training_families=families, nearest=3)
    assert thrice == pytest.approx(lone[families])


def test_distances_do_not_depend_on_the_scale_of_features() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(1100, 12)), rng.normal(size=(30, 12))
    scale, shift = rng.uniform(0.1, 50, 12), rng.normal(size=12) * 9
    assert unlikeness.distances(a * scale + shift, b * scale + shift) == pytest.approx(unlikeness.distances(a, b))
    constant = np.ones((5, 12))
    assert np.isfinite(unlikeness.distances(a, constant)).all()


def test_with_one_source_nothing_is_known_beyond_it() -> None:
    found = unlikeness.fit_unlikeness(np.linspace(0, 1, 101))
    assert found.familiar == found.known == pytest.approx(0.95)
    assert found.level(np.array([0.5, 0.95, 0.97])) == ["like training", "like training", "unlike"]


def test_what_cannot_be_compared_is_refused() -> None:
    rows = np.ones((3, 4))
    with pytest.raises(DataError, match="one length"):
        unlikeness.distances(rows, np.ones((3, 5)))
    with pytest.raises(DataError, match="families"):
        unlikeness.distances(rows, rows, families=np.arange(3))
    with pytest.raises(DataError, match="other family"):
        unlikeness.distances(rows, rows, families=np.zeros(3, int), training_families=np.zeros(3, int))
    with pytest.raises(DataError):
        unlikeness.fit_unlikeness(np.ones(3), np.ones(2), np.zeros(3, dtype=np.int64))
