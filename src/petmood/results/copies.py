"""Copies of one photo: how many, across which splits, and under which labels."""

from __future__ import annotations

from typing import Literal

from petmood.results.base import Fact


class DuplicateCount(Fact):
    """Pairs of files of one photo. An image of test counts as copied if train has the photo.

    Of near duplicates, images of test that have an exact copy in train too are not counted again.
    """

    within_split_pairs: int
    across_split_pairs: int
    images_in_test_copied_from_train: int


class Duplicates(Fact):
    """Exact: equal bytes. Near: the same photo in other bytes."""

    exact: DuplicateCount
    near: DuplicateCount


class LabelConflict(Fact):
    """One photo under more than one label."""

    photo: str
    labels: tuple[str, ...]
    paths: tuple[str, ...]


class CopyPair(Fact):
    """Two files of one photo in different splits."""

    path_a: str
    path_b: str
    split_a: str
    split_b: str
    kind: Literal["exact", "near"]
