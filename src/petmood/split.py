"""Manifest -> splits and folds: stratified by class, grouped by family, and by animal where animals are known.

No family straddles any of them, and no animal those that petmood makes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from petmood.errors import DataError, LeakageError, TooFewError
from petmood.records import IntArray, Manifest

VALID_JUDGED: Final = "There is no test split: the valid split of the data is judged in its place, as test."

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

    Official splits are kept as they are. With a test but no valid split, valid is carved out of train; with a valid but
    no test split, valid is what is judged, and a note says so. With train alone, or no split, all are made anew (70 %
    train, 15 % valid, 15 % test of photos). All photos of one animal come into one split.

    Raises:
        DataError: a class has too few photos, or animals, to split.
    """
    present = {r.split for r in manifest.records}
    if {"train", "valid", "test"} <= present:
        return manifest
    if {"train", "valid"} <= present:
        records = tuple(replace(r, split="test" if r.split == "valid" else r.split) for r in manifest.records)
        manifest = replace(manifest, records=records, notes=(*manifest.notes, VALID_JUDGED))
        present = {"train", "test"}
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
    if manifest.names_animals:
        chosen = _assign_animals(manifest, movable, shares, rng)
    else:
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
            raise TooFewError(
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


def _assign_animals(
    manifest: Manifest, movable: Sequence[int], shares: dict[str, float], rng: np.random.Generator
) -> dict[str, str]:
    """Split of each family that may move, with the photos of an animal together.

    First each class gets an animal in each split, as far as there are so many; then each animal goes, the one with
    most photos first, where shares of classes come nearest to those wanted.
    """
    photos = manifest.photos_among(movable)
    units, labels = manifest.unit_index[photos], manifest.class_index[photos]
    names, where = np.unique(units, return_inverse=True)
    counts = np.zeros((len(names), len(manifest.classes)))
    np.add.at(counts, (where, labels), 1)
    shown = (counts > 0).sum(axis=0)
    if (few := int(shown.argmin()), int(shown.min()))[1] < 2:
        raise TooFewError(_few_animals(manifest.classes[few], int(shown.min())))
    if len(names) < len(shares):
        raise TooFewError(
            f"the data show {len(names)} animals; making the splits {', '.join(shares)}, with the photos of an animal "
            f"together, needs {len(shares)} or more. Add photos of others, or give splits of your own."
        )
    order = ["train", *sorted(split for split in shares if split != "train")]
    wanted = np.array([[shares[split]] for split in order]) * counts.sum(axis=0)
    got, at = np.zeros_like(wanted), np.full(len(names), -1)
    size, tie = counts.sum(axis=1), rng.random(len(names))

    def put(unit: int, split: int) -> None:
        at[unit] = split
        got[split] += counts[unit]

    for k, split in enumerate(order):
        for label in np.argsort(shown, kind="stable"):
            free = np.flatnonzero((counts[:, label] > 0) & (at < 0))
            if not len(free) or got[k, label]:
                continue
            excess = np.abs(size[free] - (size.max() if split == "train" else wanted[k].sum()))
            put(int(free[np.lexsort((tie[free], excess))[0]]), k)
        if not got[k].any():
            free = np.flatnonzero(at < 0)
            if not len(free):
                raise TooFewError(
                    f"the data show {len(names)} animals, too few for the {split} split beside the others. Add photos "
                    "of others, or give splits of your own."
                )
            put(int(free[np.argmin(size[free] + tie[free])]), k)
    for unit in np.lexsort((tie, -size)):
        if at[unit] < 0:
            cost = ((got + counts[unit] - wanted) ** 2 - (got - wanted) ** 2).sum(axis=1)
            put(int(unit), int(np.argmin(cost)))
    split_of = {int(name): order[k] for name, k in zip(names, at, strict=True)}
    return {manifest.records[i].family: split_of[int(unit)] for i, unit in zip(photos, units, strict=True)}


def _few_animals(name: str, n: int) -> str:
    return (
        f"class '{name}' is shown by {n} animal{'s' * (n != 1)}, so that nothing is left to learn it from. Add photos "
        f"of others, or go on without it: --exclude '{name}'; or read the data without animals, with * in their place."
    )


def straddling_animals(manifest: Manifest) -> int:
    """How many animals stand in more than one split."""
    splits: dict[str, set[str]] = {}
    for record in manifest.records:
        if record.animal:
            splits.setdefault(record.animal, set()).add(record.split)
    return sum(len(where) > 1 for where in splits.values())


def straddling_families(manifest: Manifest) -> list[str]:
    """Families that stand in more than one split, sorted: each is a leak."""
    splits: dict[str, set[str]] = {}
    for record in manifest.records:
        splits.setdefault(record.family, set()).add(record.split)
    return sorted(family for family, where in splits.items() if len(where) > 1)


def grouped_folds(manifest: Manifest, *, folds: int, seed: int, animals: bool = True) -> Iterator[Fold]:
    """K-fold cross-validation over photos, stratified by class, each family, and each known animal, in one fold.

    Train indices hold all files of the training families; evaluate indices hold each family's photo once. Where the
    data say the fold of every image, those folds are taken, whatever `folds` and `seed` are.

    Args:
        manifest: the data.
        folds: how many.
        seed: of the shuffle.
        animals: False lets an animal stand on both sides, in different photos: to show what that hides.

    Raises:
        DataError: a class has fewer photos, or animals, than folds.
        LeakageError: a family stands in two of the data's own folds, and the manifest does not allow it.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    if given_folds(manifest):
        yield from _own_folds(manifest)
        return
    photos = manifest.photo_index
    labels = manifest.class_index[photos]
    if animals and manifest.names_animals:
        units = manifest.unit_index
        shown = _units_by_class(manifest)
        if shown.min() < max(2, folds):
            name = manifest.classes[int(shown.argmin())]
            if shown.min() < 2:
                raise TooFewError(_few_animals(name, int(shown.min())))
            raise TooFewError(
                f"class '{name}' is shown by {shown.min()} animals; {folds}-fold cross-validation with the photos of "
                f"an animal together needs {folds} or more. Use fewer folds, or go on without it: --exclude '{name}'."
            )
        grouped = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
        for _, held in grouped.split(photos, labels, units[photos]):
            evaluate = photos[held]
            yield Fold(np.flatnonzero(~np.isin(units, units[evaluate])).astype(np.int64), evaluate)
        return
    counts = np.bincount(labels, minlength=len(manifest.classes))
    if counts.min() < folds:
        name = manifest.classes[int(counts.argmin())]
        raise TooFewError(
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
    """As many folds as asked for, or as the smallest class has photos, or animals where they are known; at least 2."""
    counts = _units_by_class(manifest)
    return max(2, min(folds, int(counts.min())))


def _units_by_class(manifest: Manifest) -> IntArray:
    """(n_classes,) int64: how many photos show each class, or how many animals where animals are known."""
    photos = manifest.photo_index
    pairs = np.unique(np.stack([manifest.class_index[photos], manifest.unit_index[photos]]), axis=1)
    return np.bincount(pairs[0], minlength=len(manifest.classes)).astype(np.int64)


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
        raise TooFewError(
            f"the data name {n} animal{'s' * (n != 1)}; leaving each out needs {max(2, folds or 2)} or more. Say which "
            "photos show one animal: {animal} in --layout, a column of a table, or --group-by."
        )
    for k, name in enumerate(manifest.classes):
        shown = np.unique(animals[photos[manifest.class_index[photos] == k]])
        if len(shown) < 2:
            raise TooFewError(_few_animals(name, len(shown)))
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
