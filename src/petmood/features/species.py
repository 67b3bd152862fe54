"""Scores of a backbone's ImageNet head -> probabilities of species, by a documented grouping of its 1000 classes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from petmood.errors import ModelError
from petmood.records import FloatArray

N_IMAGENET: Final = 1000
N_ANIMALS: Final = 398
"""ImageNet's classes 0 to 397 are animals; what follows is things, scenes and plants."""

THING_WEIGHT: Final = 0.01
"""Prior odds of a thing, over those that ImageNet gave it, being what a picture of a pet shows."""

GROUPS: Final[Mapping[str, tuple[tuple[int, int], ...]]] = MappingProxyType(
    {
        # Ranges of ImageNet-1k class indices, both ends included. On pictures of pets, wild relatives are misreadings
        # of the pet: a husky read as a wolf is a dog, a tabby read as a lynx a cat, a parrot of any kind a bird.
        "dog": ((151, 275), (277, 280)),  # breeds, wolves, dingo, dhole, hunting dog; foxes (276 is the hyena)
        "cat": ((281, 293),),  # tabby to Egyptian cat, cougar to cheetah
        "rabbit": ((330, 332),),  # wood rabbit, hare, Angora
        "rodent": ((333, 338),),  # hamster, porcupine, fox squirrel, marmot, beaver, guinea pig
        "sheep/goat": ((348, 350),),  # ram, bighorn, ibex
        "horse": ((339, 340),),  # sorrel, zebra
        "bird": ((7, 24), (80, 100), (127, 146)),  # cock to great grey owl; grouse to black swan; stork to albatross
    }
)

SPECIES: Final = (*GROUPS, "other")
"""Names of the groups, in column order; "other" is every other animal, and things."""

GROUPED: Final = np.array([[name == "dog", name == "cat", name not in ("dog", "cat")] for name in SPECIES], dtype=float)
"""(8, 3): which of dog, cat and anything else each species is."""


def _columns() -> NDArray[np.int64]:
    column = np.full(N_IMAGENET, len(SPECIES) - 1, dtype=np.int64)
    for i, ranges in enumerate(GROUPS.values()):
        for first, last in ranges:
            column[first : last + 1] = i
    return column


@cache
def grouping() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Prior weights (1000,) of ImageNet's classes and (1000, 8) which species each is: all that grouping depends on."""
    prior = np.ones(N_IMAGENET)
    prior[N_ANIMALS:] = THING_WEIGHT
    members = np.eye(len(SPECIES))[_columns()]
    for kept in (prior, members):
        kept.flags.writeable = False
    return prior, members


def species_probabilities(logits: FloatArray) -> NDArray[np.float64]:
    """(n, 8) float64 probabilities in the order of `SPECIES`; rows sum to 1.

    Half of ImageNet is things. In pictures of pets they are beside the point (a collar, a cage), but many small
    probabilities of them would add up to "other"; so they are weighted down by `THING_WEIGHT`.

    Args:
        logits: (n, 1000) scores of an ImageNet-1k head in the usual class order.

    Raises:
        ModelError: another number of scores: the head is not ImageNet-1k's.
    """
    if logits.ndim != 2 or logits.shape[1] != N_IMAGENET:
        raise ModelError(
            f"species need the {N_IMAGENET} scores of an ImageNet head, got shape {logits.shape}. "
            "Use a backbone that has one, such as efficientnet-lite0."
        )
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    prior, members = grouping()
    probabilities = np.exp(shifted) * prior
    grouped: NDArray[np.float64] = (probabilities / probabilities.sum(axis=1, keepdims=True)) @ members
    return grouped


def species_groups(logits: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """(n, 3) float64: probability of dog, of cat, of anything else, by an ImageNet head's scores."""
    return np.asarray(species_probabilities(np.asarray(logits, dtype=np.float32)) @ GROUPED)
