"""Manifest -> partitions of the protocols beyond the official one: repeated, by species, by size, and the leaky one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from petmood.errors import TooFewError
from petmood.records import IntArray, Manifest
from petmood.split import Fold


def random_folds(manifest: Manifest, *, folds: int, seed: int, rows: IntArray | None = None) -> Iterator[Fold]:
    """K-fold cross-validation over files, stratified by class, blind to families: the practice that leaks.

    It exists to measure what leakage does, so `evaluate` holds files, not photos.

    Args:
        manifest: the data.
        folds: how many.
        seed: of the shuffle.
        rows: the files to deal with; all if None.
    """
    from sklearn.model_selection import StratifiedKFold

    files = np.arange(len(manifest)) if rows is None else rows
    _enough(manifest, files, folds)
    splitter = StratifiedKFold(n_splits=folds, shuffle=True, random_state=seed)
    for train, held in splitter.split(files, manifest.class_index[files]):
        yield Fold(train=files[train], evaluate=files[held])


def random_holdouts(
    manifest: Manifest, *, share: float, repeats: int, seed: int, rows: IntArray | None = None
) -> Iterator[Fold]:
    """Random holdouts of a share of the files, stratified by class, blind to families: they leak, as `random_folds`.

    As many files as there are classes are held out at least.
    """
    from sklearn.model_selection import StratifiedShuffleSplit

    files = np.arange(len(manifest)) if rows is None else rows
    _enough(manifest, files, 2)
    labels = manifest.class_index[files]
    held_out = max(len(np.unique(labels)), math.ceil(share * len(files)))
    splitter = StratifiedShuffleSplit(n_splits=repeats, test_size=held_out, random_state=seed)
    for train, held in splitter.split(files, labels):
        yield Fold(train=files[train], evaluate=files[held])


def _enough(manifest: Manifest, files: IntArray, least: int) -> None:
    counts = np.bincount(manifest.class_index[files], minlength=len(manifest.classes))
    present = counts[counts > 0]
    if len(present) < 2 or present.min() < least:
        raise TooFewError(
            f"a random split needs two classes with {least} files each or more, got {counts.tolist()}. Add images."
        )


@dataclass(frozen=True)
class SpeciesFold:
    """One species left out: fitted on all photos of the others, evaluated on its own."""

    species: str
    fold: Fold


def species_folds(
    manifest: Manifest, species: Sequence[str], *, min_photos: int = 10
) -> tuple[tuple[SpeciesFold, ...], dict[str, int]]:
    """Leave each species out in turn. A family has the species of its photo.

    Args:
        manifest: the data.
        species: (n_images,) the species of each record.
        min_photos: species with fewer photos are trained on, never evaluated on their own.

    Returns:
        the folds, the most common species first, and the number of photos of each species that is too rare.
    """
    photos = manifest.photo_index
    names = np.array([species[int(i)] for i in photos])
    families = manifest.family_index
    found, rare = [], {}
    for name, count in sorted(zip(*np.unique(names, return_counts=True), strict=True), key=lambda p: (-p[1], p[0])):
        held = photos[names == name]
        train = np.flatnonzero(~np.isin(families, families[held])).astype(np.int64)
        learnable = len(np.unique(manifest.class_index[train])) > 1
        if count < min_photos or not learnable:
            rare[str(name)] = int(count)
        else:
            found.append(SpeciesFold(str(name), Fold(train=train, evaluate=held)))
    return tuple(found), rare


def smaller_fold(manifest: Manifest, fold: Fold, share: float, seed: int) -> Fold:
    """The same partition with a share of the training photos: families dropped whole, each class by the same share.

    For one seed a smaller share is a subset of a larger one. A class keeps one family at least.
    """
    rng = np.random.default_rng(seed)
    photos = manifest.photos_among(fold.train)
    labels = manifest.class_index[photos]
    kept = []
    for k in np.unique(labels):
        of_class = rng.permutation(photos[labels == k])
        kept.append(of_class[: max(1, round(share * len(of_class)))])
    families = manifest.family_index
    train = fold.train[np.isin(families[fold.train], families[np.concatenate(kept)])]
    return Fold(train=train, evaluate=fold.evaluate)
