"""A manifest with families -> its copies: exact and near, within and across splits, under one label or several."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import combinations
from math import comb
from typing import Any, Literal

from petmood.records import ImageRecord, Manifest
from petmood.results import CopyPair, DuplicateCount, Duplicates, LabelConflict

MAX_COPIES = 100
"""Pairs across splits that are listed one by one."""


def family_members(manifest: Manifest) -> dict[str, list[ImageRecord]]:
    """Records of each family, in the manifest's order."""
    members: dict[str, list[ImageRecord]] = defaultdict(list)
    for record in manifest.records:
        members[record.family].append(record)
    return dict(members)


def count_duplicates(manifest: Manifest) -> Duplicates:
    """Count pairs of files of one photo, and the images of test whose photo train has too."""
    counts = {kind: {"within": 0, "across": 0} for kind in ("exact", "near")}
    copied = {"exact": 0, "near": 0}
    for members in family_members(manifest).values():
        # counted, not looked at one by one: a photo may have thousands of copies
        within = _pairs(Counter(record.split for record in members))
        equal = _pairs(Counter(record.sha256 for record in members))
        equal_within = _pairs(Counter((record.split, record.sha256) for record in members))
        counts["exact"]["within"] += equal_within
        counts["exact"]["across"] += equal - equal_within
        counts["near"]["within"] += within - equal_within
        counts["near"]["across"] += comb(len(members), 2) - within - (equal - equal_within)
        train = {record.sha256 for record in members if record.split == "train"}
        for record in members:
            if record.split == "test" and train:
                copied["exact" if record.sha256 in train else "near"] += 1
    exact, near = (
        DuplicateCount(
            within_split_pairs=counts[kind]["within"],
            across_split_pairs=counts[kind]["across"],
            images_in_test_copied_from_train=copied[kind],
        )
        for kind in ("exact", "near")
    )
    return Duplicates(exact=exact, near=near)


def _pairs(counts: Counter[Any]) -> int:
    return sum(comb(n, 2) for n in counts.values())


def _kind(a: ImageRecord, b: ImageRecord) -> Literal["exact", "near"]:
    return "exact" if a.sha256 == b.sha256 else "near"


def copies_across_splits(manifest: Manifest) -> Iterator[CopyPair]:
    """Pairs of files of one photo in different splits, the least processed file of each split, test first."""
    order = {"test": 0, "valid": 1, "train": 2}
    for members in family_members(manifest).values():
        by_split: dict[str, list[ImageRecord]] = defaultdict(list)
        for record in sorted(members, key=lambda r: (order.get(r.split, 3), r.derived, r.path)):
            by_split[record.split].append(record)
        for first, second in combinations(by_split.values(), 2):
            for a in first:
                # an exact copy says more than a near one
                b = next((r for r in second if r.sha256 == a.sha256), second[0])
                yield CopyPair(path_a=a.path, path_b=b.path, split_a=a.split, split_b=b.split, kind=_kind(a, b))


def conflicting_labels(manifest: Manifest) -> tuple[LabelConflict, ...]:
    """Photos whose files stand under more than one label."""
    found = []
    for members in family_members(manifest).values():
        labels = {record.class_name for record in members}
        if len(labels) > 1:
            photo = next((r for r in members if not r.derived), members[0])
            found.append(
                LabelConflict(
                    photo=photo.path,
                    labels=tuple(name for name in manifest.classes if name in labels),
                    paths=tuple(record.path for record in members),
                )
            )
    return tuple(found)
