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
        # a family that stands in test as well leaks; it stays where it is, for whoever evaluates to see and to refuse
        held = {r.family for r in manifest.records if r.split == "test"}
        movable = [i for i, r in enumerate(manifest.records) if r.split == "train" and r.family not in held]
        shares = {"train": 0.85, "valid": 0.15}
        official = manifest.official_splits
    else:
        movable = list(range(len(manifest)))
        shares = FRACTIONS
        official = False
        held = set()
    chosen = _assign(manifest, movable, shares, rng, held)
    records = tuple(replace(r, split=chosen.get(r.family, r.split)) for r in manifest.records)
    order = {"train": 0, "valid": 1, "test": 2}
    records = tuple(sorted(records, key=lambda r: (order[r.split], r.class_name.casefold(), r.path)))
    return replace(manifest, records=records, official_splits=official)


def _assign(
    manifest: Manifest, movable: Sequence[int], shares: dict[str, float], rng: np.random.Generator, held: set[str]
) -> dict[str, str]:
    """Split of each family that may move, drawn class by class (a family counts in its photo's class)."""
    by_class: dict[str, list[str]] = {name: [] for name in manifest.classes}
    allowed = {manifest.records[i].family for i in movable}
    for i in manifest.photo_index:
        record = manifest.records[i]
        if record.family in allowed:
            by_class[record.class_name].append(record.family)
    chosen: dict[str, str] = {}
    leaking = {manifest.records[i].class_name for i in manifest.photo_index if manifest.records[i].family in held}
    for name, families in by_class.items():
        if len(families) < len(shares):
            if name in leaking:
                continue  # to be refused as a leak, which is the graver fault
            raise DataError(
                f"class '{name}' has {len(families)} photo{'s' * (len(families) != 1)}; making the splits "
                f"{', '.join(shares)} needs {len(shares)} or more. Add photos, or go on without it: --exclude '{name}'."
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

    Train indices hold all files of the training families; evaluate indices hold each family's photo once. Where the
    data say the fold of every image, those folds are taken, whatever `folds` and `seed` are.

    Raises:
        DataError: a class has fewer photos than folds.
        LeakageError: a family stands in two of the data's own folds, and the manifest does not allow it.
    """
    from sklearn.model_selection import StratifiedKFold

    if given_folds(manifest):
        yield from _own_folds(manifest)
        return
    photos = manifest.photo_index
    labels = manifest.class_index[photos]
    counts = np.bincount(labels, minlength=len(manifest.classes))
    if counts.min() < folds:
        name = manifest.classes[int(counts.argmin())]
        raise DataError(
            f"class '{name}' has {counts.min()} photo{'s' * (int(counts.min()) != 1)}; {folds}-fold cross-validation "
            f"needs {folds} or more. Use fewer folds, add photos, or go on without it: --exclude '{name}'."
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


def given_folds(manifest: Manifest) -> tuple[str, ...]:
    """Names of the folds that the data put their images into, sorted; none if some image has no fold."""
    found = {r.fold for r in manifest.records}
    return tuple(sorted(found, key=lambda name: (len(name), name))) if "" not in found and len(found) > 1 else ()


def _own_folds(manifest: Manifest) -> Iterator[Fold]:
    of = np.array([r.fold for r in manifest.records])
    for name in given_folds(manifest):
        evaluate = manifest.photos_among(np.flatnonzero(of == name).astype(np.int64))
        fold = Fold(train=np.flatnonzero(of != name).astype(np.int64), evaluate=evaluate)
        if not manifest.allow_leakage:
            refuse_leak(manifest, fold, f"fold '{name}' of the data", "its")
        yield fold


def animal_folds(manifest: Manifest, *, folds: int | None = None, seed: int = 0) -> Iterator[Fold]:
    """Cross-validation over animals: whoever is evaluated was never seen in training, in this photo or any other.

    Images whose animal is unknown are on neither side: they might show one that is evaluated.

    Args:
        manifest: with the animals of its images.
        folds: number of folds, each with several animals wholly in it, stratified by class as far as can be; None
            leaves out one animal at a time.
        seed: of the choice of animals for each fold.

    Raises:
        DataError: fewer than two animals, fewer than folds, or a class shown by one animal alone.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    animals, families = manifest.animal_index, manifest.family_index
    photos = manifest.photo_index[animals[manifest.photo_index] >= 0]
    n = len(np.unique(animals[photos]))
    if n < max(2, folds or 2):
        raise DataError(
            f"the data name {n} animal{'s' * (n != 1)}; leaving each out needs {max(2, folds or 2)} or more. Say which "
            "photos show one animal: {animal} in --layout, a column of a table, or --group-by."
        )
    for k, name in enumerate(manifest.classes):
        shown = np.unique(animals[photos[manifest.class_index[photos] == k]])
        if len(shown) < 2:
            raise DataError(
                f"class '{name}' is shown by {len(shown)} animal{'s' * (len(shown) != 1)}, so that nothing is left to "
                f"learn it from. Add photos of others, or go on without it: --exclude '{name}'."
            )
    labels = manifest.class_index[photos]
    if folds is None:
        parts = [photos[animals[photos] == animal] for animal in np.unique(animals[photos])]
    else:
        splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
        parts = [photos[held] for _, held in splitter.split(photos, labels, animals[photos])]
    for evaluate in parts:
        seen = np.isin(animals, animals[evaluate]) | np.isin(families, families[evaluate])
        yield Fold(train=np.flatnonzero(~seen & (animals >= 0)).astype(np.int64), evaluate=evaluate)


def leaking_photos(manifest: Manifest, fold: Fold) -> int:
    """Number of evaluated photos that training has a file of."""
    families = manifest.family_index
    return len(np.intersect1d(families[fold.train], families[fold.evaluate]))


def refuse_leak(manifest: Manifest, fold: Fold, name: str = "this split", side: str = "evaluated") -> None:
    """Pass a partition that no family straddles; `name` and `side` are what messages call it and what it evaluates.

    Raises:
        LeakageError: a photo, or something derived from it, stands on both sides.
    """
    shared = leaking_photos(manifest, fold)
    if shared:
        n = len(fold.evaluate)
        raise LeakageError(
            f"{name} leaks: {shared:,} of {n:,} {side} photos {'stands' if shared == 1 else 'stand'} in train too, "
            "so an accuracy would count memory as skill. "
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
        refuse_leak(manifest, fold, f"the split into train and {evaluate}", evaluate)
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
        refuse_leak(manifest, fold, "the split into train, valid and test", "test")
    return fold
