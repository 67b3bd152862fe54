"""Manifest -> splits and folds: stratified by class, grouped by family; a family never straddles any of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from petmood.errors import DataError, LeakageError
from petmood.records import IntArray, Manifest

FRACTIONS: Final = {"train": 0.70, "valid": 0.15, "test": 0.15}


@dataclass(frozen=True)
class Fold:
    """One train/evaluate partition: indices of records.

    `evaluate` has one record a family, its photo, in every partition but those made to show what leakage does.
    """

    train: IntArray
    evaluate: IntArray


def complete_splits(manifest: Manifest, seed: int) -> Manifest:
    """Give every record a split, making those that the data lacks, by family and stratified by class.

    Official splits are kept as they are. Without a test split all splits are made anew (70 % train, 15 %
    valid, 15 % test of photos); with a test but no valid split, valid is carved out of train.

    Raises:
        DataError: a class has too few photos to split.
    """
    present = {r.split for r in manifest.records}
    if {"train", "valid", "test"} <= present:
        return manifest
    rng = np.random.default_rng(seed)
    if "test" in present:
        movable = [i for i, r in enumerate(manifest.records) if r.split == "train"]
        shares = {"train": 0.85, "valid": 0.15}
        official = manifest.official_splits
    else:
        movable = list(range(len(manifest)))
        shares = FRACTIONS
        official = False
    chosen = _assign(manifest, movable, shares, rng)
    records = tuple(replace(r, split=chosen.get(r.family, r.split)) for r in manifest.records)
    order = {"train": 0, "valid": 1, "test": 2}
    records = tuple(sorted(records, key=lambda r: (order[r.split], r.class_name.casefold(), r.path)))
    return replace(manifest, records=records, official_splits=official)


def _assign(
    manifest: Manifest, movable: Sequence[int], shares: dict[str, float], rng: np.random.Generator
) -> dict[str, str]:
    """Split of each family that may move, drawn class by class (a family counts in its photo's class)."""
    by_class: dict[str, list[str]] = {name: [] for name in manifest.classes}
    allowed = {manifest.records[i].family for i in movable}
    for i in manifest.photo_index:
        record = manifest.records[i]
        if record.family in allowed:
            by_class[record.class_name].append(record.family)
    chosen: dict[str, str] = {}
    for name, families in by_class.items():
        if len(families) < len(shares):
            raise DataError(
                f"class '{name}' has {len(families)} photo{'s' * (len(families) != 1)}; making the splits "
                f"{', '.join(shares)} needs {len(shares)} or more. Add photos or remove the class."
            )
        shuffled = [sorted(families)[i] for i in rng.permutation(len(families))]
        held_out = [split for split in shares if split != "train"]
        start = 0
        for split in held_out:
            count = max(1, round(shares[split] * len(shuffled)))
            for family in shuffled[start : start + count]:
                chosen[family] = split
            start += count
        for family in shuffled[start:]:
            chosen[family] = "train"
    return chosen


def straddling_families(manifest: Manifest) -> list[str]:
    """Families that stand in more than one split, sorted: each is a leak."""
    splits: dict[str, set[str]] = {}
    for record in manifest.records:
        splits.setdefault(record.family, set()).add(record.split)
    return sorted(family for family, where in splits.items() if len(where) > 1)


def grouped_folds(manifest: Manifest, *, folds: int, seed: int) -> Iterator[Fold]:
    """K-fold cross-validation over photos, stratified by class, each family wholly in one fold.

    Train indices hold all files of the training families; evaluate indices hold each family's photo once.

    Raises:
        DataError: a class has fewer photos than folds.
    """
    from sklearn.model_selection import StratifiedKFold

    photos = manifest.photo_index
    labels = manifest.class_index[photos]
    counts = np.bincount(labels, minlength=len(manifest.classes))
    if counts.min() < folds:
        name = manifest.classes[int(counts.argmin())]
        raise DataError(
            f"class '{name}' has {counts.min()} photos; {folds}-fold cross-validation needs {folds} or more. "
            "Use fewer folds, add photos or remove the class."
        )
    families = manifest.family_index
    splitter = StratifiedKFold(n_splits=folds, shuffle=True, random_state=seed)
    for _, held in splitter.split(photos, labels):
        evaluate = photos[held]
        train = np.flatnonzero(~np.isin(families, families[evaluate])).astype(np.int64)
        yield Fold(train=train, evaluate=evaluate)


def fewest_folds(manifest: Manifest, folds: int) -> int:
    """As many folds as asked for, or as the smallest class has photos; at least 2."""
    counts = np.bincount(manifest.class_index[manifest.photo_index], minlength=len(manifest.classes))
    return max(2, min(folds, int(counts.min())))


def leaking_photos(manifest: Manifest, fold: Fold) -> int:
    """Number of evaluated photos that training has a file of."""
    families = manifest.family_index
    return len(np.intersect1d(families[fold.train], families[fold.evaluate]))


def refuse_leak(manifest: Manifest, fold: Fold, name: str = "this split") -> None:
    """Pass a partition that no family straddles.

    Raises:
        LeakageError: a photo, or something derived from it, stands on both sides.
    """
    shared = leaking_photos(manifest, fold)
    if shared:
        photos = "1 photo stands" if shared == 1 else f"{shared} photos stand"
        raise LeakageError(
            f"{name} leaks: {photos} on both sides of it, so an accuracy would count memory as skill. "
            "Remove the copies, give plain class folders so that petmood makes the splits, "
            "or go on with --allow-leakage, which marks every figure."
        )


def official_fold(manifest: Manifest, evaluate: str = "test") -> Fold:
    """Train on the train split, evaluate on the photos of another; refuses a leak unless the manifest allows it.

    Raises:
        LeakageError: a family stands in train and in the evaluated split.
        DataError: the split has no photos.
    """
    fold = Fold(train=manifest.in_split("train"), evaluate=manifest.photos_in_split(evaluate))
    if not len(fold.evaluate) or not len(fold.train):
        missing = evaluate if len(fold.train) else "train"
        raise DataError(f"the {missing} split has no images; got {manifest.split_names()}.")
    if not manifest.allow_leakage:
        refuse_leak(manifest, fold, f"the split into train and {evaluate}")
    return fold


def test_fold(manifest: Manifest) -> Fold:
    """Train on train and valid, for models that nothing is chosen for on valid; evaluate the photos of test.

    Raises:
        LeakageError: a family stands on both sides, unless the manifest allows it.
        DataError: a split has no photos.
    """
    fold = official_fold(manifest)
    both = np.sort(np.concatenate([fold.train, manifest.in_split("valid")]))
    fold = Fold(train=both, evaluate=fold.evaluate)
    if not manifest.allow_leakage:
        refuse_leak(manifest, fold, "the split into train, valid and test")
    return fold
