"""A head described by names and numbers -> a fresh classifier on blocks of columns; the description is a cache key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
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
        head = _head(recipe, blocks, seed)
    except TypeError as error:
        raise ConfigError(f"recipe '{recipe.kind}' has a setting that it does not know: {error}.") from error
    if recipe.blocks is None or recipe.members:
        return head
    return ColumnSubset(lambda: head, columns_of(recipe.blocks, blocks))


def _head(recipe: Recipe, blocks: Sequence[NDArray[np.int64]], seed: int) -> Classifier:
    # checked as they are used
    settings: dict[str, Any] = dict(recipe.settings)
    if recipe.kind == "default":
        return LogisticHead(**settings)
    if recipe.kind == "distilled":
        teacher, student = (partial(build, member, blocks, seed) for member in recipe.members)
        return Distilled(teacher, student, seed=seed, **settings)
    if not recipe.kind.startswith("species"):
        return ShallowHead(recipe.kind, seed, **settings)
    chosen = recipe.blocks if recipe.blocks is not None else tuple(range(len(blocks)))
    # members read the columns they are handed, so they name no blocks
    make, logits = partial(build, recipe.members[0], (), seed), blocks[chosen[0]]
    if recipe.kind == "species-only":
        return SpeciesOnly(make, logits)
    kind = SpeciesRemoved if recipe.kind == "species-removed" else SpeciesConditional
    return kind(make, logits, columns_of(chosen[1:], blocks), **settings)


def columns_of(chosen: Sequence[int], blocks: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """(n,) int64: the columns of some blocks, in their order."""
    return np.concatenate([blocks[i] for i in chosen])
