"""A head described by names and numbers -> a fresh classifier on blocks of columns; the description is a cache key."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from petmood.contract import Classifier
from petmood.errors import ConfigError
from petmood.training.compose import ColumnSubset, Distilled
from petmood.training.heads import LogisticHead
from petmood.training.shallow import ShallowHead
from petmood.training.species import SpeciesConditional, SpeciesOnly, SpeciesRemoved

RECIPES_VERSION: Final = 2
"""Raise it when a head of the same description would learn something else: it is part of every cached prediction."""


@dataclass(frozen=True)
class Recipe:
    """A classifier, described.

    Attributes:
        kind: "default", petmood's own logistic regression; one of `petmood.training.shallow`; or a composition:
            "species-only", "species-conditional", "species-removed"; "distilled", of a teacher and a student;
            "finetune", on activations at half depth.
        settings: its numbers and names.
        blocks: which blocks of columns it reads, by number; all if None. For the species compositions the first is the
            block of ImageNet scores.
        members: the recipes it is made of.
    """

    kind: str
    settings: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    blocks: tuple[int, ...] | None = None
    members: tuple[Recipe, ...] = ()

    def described(self) -> dict[str, Any]:
        """JSON-ready description, equal for equal recipes."""
        return asdict(self)

    def reads_species(self) -> bool:
        """Whether it, or something it is made of, groups ImageNet's classes into species."""
        return self.kind.startswith("species") or any(member.reads_species() for member in self.members)

    def pinned(self, blocks: tuple[int, ...]) -> Recipe:
        """The same reading these blocks where it read all there are."""
        if self.kind.startswith("species"):
            return replace(self, blocks=self.blocks or blocks)
        if self.members:
            return replace(self, members=tuple(member.pinned(blocks) for member in self.members))
        return replace(self, blocks=blocks if self.blocks is None else self.blocks)


def build(recipe: Recipe, blocks: Sequence[NDArray[np.int64]], seed: int) -> Classifier:
    """A fresh, unfitted classifier.

    Args:
        recipe: what to build.
        blocks: the columns of each block.
        seed: of its random choices.

    Raises:
        ConfigError: an unknown kind or setting, or a block that is not there.
    """
    if recipe.blocks is not None and max(recipe.blocks, default=0) >= len(blocks):
        raise ConfigError(f"recipe '{recipe.kind}' reads block {max(recipe.blocks)}, but there are {len(blocks)}.")
    try:
        if recipe.kind in _COMPOSED:
            return _COMPOSED[recipe.kind](recipe, blocks, seed)
        head: Classifier
        if recipe.kind == "default":
            head = LogisticHead(**recipe.settings)  # type: ignore[arg-type]
        else:
            head = ShallowHead(recipe.kind, seed, **recipe.settings)  # type: ignore[arg-type]  # checked as they are used
    except TypeError as error:
        raise ConfigError(f"recipe '{recipe.kind}' has a setting that it does not know: {error}.") from error
    return head if recipe.blocks is None else ColumnSubset(lambda: head, columns_of(recipe.blocks, blocks))


def columns_of(chosen: Sequence[int], blocks: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """(n,) int64: the columns of some blocks, in their order."""
    return np.concatenate([blocks[i] for i in chosen])


_Builder = Callable[[Recipe, Sequence[NDArray[np.int64]], int], Classifier]


def _maker(recipe: Recipe, blocks: Sequence[NDArray[np.int64]], seed: int) -> Callable[[], Classifier]:
    return lambda: build(recipe, blocks, seed)


def _species(recipe: Recipe, blocks: Sequence[NDArray[np.int64]], seed: int) -> Classifier:
    chosen = recipe.blocks if recipe.blocks is not None else tuple(range(len(blocks)))
    logits, rest = blocks[chosen[0]], chosen[1:]
    # members read the columns they are handed, so they name no blocks
    make = _maker(recipe.members[0], (), seed)
    if recipe.kind == "species-only":
        return SpeciesOnly(make, logits)
    features = columns_of(rest, blocks)
    if recipe.kind == "species-removed":
        return SpeciesRemoved(make, logits, features)
    return SpeciesConditional(make, logits, features, **recipe.settings)  # type: ignore[arg-type]


def _distilled(recipe: Recipe, blocks: Sequence[NDArray[np.int64]], seed: int) -> Classifier:
    teacher, student = (_maker(member, blocks, seed) for member in recipe.members)
    return Distilled(teacher, student, seed=seed, **recipe.settings)  # type: ignore[arg-type]


_COMPOSED: Final[dict[str, _Builder]] = {
    "species-only": _species,
    "species-conditional": _species,
    "species-removed": _species,
    "distilled": _distilled,
}
