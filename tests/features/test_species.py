from __future__ import annotations

import numpy as np
import pytest

from petmood.errors import ModelError
from petmood.features.species import GROUPS, SPECIES, species_probabilities


def test_groups_are_disjoint_and_within_imagenet() -> None:
    members = [i for ranges in GROUPS.values() for first, last in ranges for i in range(first, last + 1)]
    assert len(members) == len(set(members))
    assert min(members) >= 0
    assert max(members) < 1000


@pytest.mark.parametrize(
    ("index", "species"),
    [
        (207, "dog"),
        (281, "cat"),
        (331, "rabbit"),
        (333, "rodent"),
        (348, "sheep/goat"),
        (339, "horse"),
        (88, "bird"),
        (276, "other"),
        (504, "other"),
    ],
)
def test_a_certain_class_is_its_species(index: int, species: str) -> None:
    logits = np.zeros((1, 1000), np.float32)
    logits[0, index] = 50
    found = species_probabilities(logits)
    assert found.shape == (1, len(SPECIES))
    assert SPECIES[int(found[0].argmax())] == species
    assert found.sum() == pytest.approx(1.0)


def test_probabilities_add_up_over_a_group() -> None:
    found = species_probabilities(np.zeros((2, 1000), np.float32))
    assert found[0, SPECIES.index("cat")] == pytest.approx(13 / (398 + 602 * 0.01))


def test_another_head_is_refused() -> None:
    with pytest.raises(ModelError, match="ImageNet"):
        species_probabilities(np.zeros((1, 10), np.float32))


def test_many_faint_things_do_not_outweigh_an_animal_but_a_certain_thing_does() -> None:
    logits = np.zeros((2, 1000), np.float32)
    logits[0, 281] = 5.5  # a cat at 0.2 among 999 equal classes
    logits[1, 700] = 12
    found = species_probabilities(logits)
    assert [SPECIES[i] for i in found.argmax(axis=1)] == ["cat", "other"]
