"""Look-alikes by features against a plain search, and what they say of a label that was changed."""

from __future__ import annotations

import numpy as np

from petmood.families.neighbours import contradiction, lookalikes
from planted import planted


def test_the_nearest_of_each_class_are_found_and_never_the_photo_itself() -> None:
    photos, _, _ = planted(n=90)
    labels, k = photos.labels, 3
    found = lookalikes(photos.features().vectors, labels, 3, k=k)
    values = (photos.features().vectors - photos.features().vectors.mean(0)) / photos.features().vectors.std(0)
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    similar = unit @ unit.T
    for row in range(0, 90, 7):
        assert row not in found.nearest[row]
        for c in range(3):
            others = [i for i in np.argsort(-similar[row]) if labels[i] == c and i != row][:k]
            assert found.by_class[row, c].tolist() == others


def test_a_class_with_too_few_photos_is_filled_with_minus_one() -> None:
    vectors = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
    found = lookalikes(vectors, np.array([0, 0, 0, 1]), 2, k=3, m=9)
    assert found.nearest.shape == (4, 3)
    assert found.by_class[3, 1].tolist() == [-1, -1, -1]
    assert sorted(found.by_class[3, 0].tolist()) == [0, 1, 2]


def test_neighbours_contradict_changed_labels_more_than_others() -> None:
    photos, truth, _ = planted(n=240, noise=0.1, tied=1.0)
    nearest = lookalikes(photos.features().vectors, photos.labels, 3).nearest
    rival, against, same = contradiction(nearest, photos.labels, 3)
    wrong = photos.labels != truth
    assert wrong.sum() == 24
    assert (rival[wrong] == truth[wrong]).mean() > 0.95
    assert (against > same)[wrong].mean() > 0.95
    assert (against > same)[~wrong].mean() < 0.05
