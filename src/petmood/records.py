"""Frozen records that pass between stages: what an image is, what a data set is, what a backbone said of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]

SPLITS = ("train", "valid", "test")
"""Canonical split names, in the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One accepted image file.

    Attributes:
        path: POSIX path relative to the root of the data (inside the archive for a zip). An annotated part of a picture
            is named by a media fragment after it: `photo.jpg#xywh=10,20,100,80`; see `picture_of`.
        class_name: its label as spelled in the data set's canonical class names, or "" for unlabelled data.
        split: "train", "valid" or "test".
        family: identifier shared by a photo and everything derived from it.
        derived: True if the file is an offline augmentation or an exact copy of another file of its family.
        sha256: hexadecimal digest of the file's bytes.
        width, height: pixels after applying EXIF orientation.
        format: decoder's name of the format, e.g. "JPEG".
        size_bytes: file size.
        mode: decoder's name of the pixel layout before conversion, e.g. "RGB", "L", "RGBA".
        reoriented: True if EXIF orientation turned the picture.
        species: as the data say it, or "".
        animal: identifier of the animal (or session, or clip) shown, as the data or the user say it, or "".
        fold: identifier of the fold that the data put it into, or "".
        notes: codes of what was odd about the file and how it was read nevertheless; see `petmood.images.NOTES`.
    """

    path: str
    class_name: str
    split: str
    family: str
    derived: bool
    sha256: str
    width: int
    height: int
    format: str
    size_bytes: int
    mode: str
    reoriented: bool
    species: str = ""
    animal: str = ""
    fold: str = ""
    notes: tuple[str, ...] = ()


def picture_of(path: str) -> str:
    """The picture that an item is, or is a part of."""
    return path.partition("#xywh=")[0]


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file that was found but not accepted, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Manifest:
    """A data set after ingestion: `len(records) + len(rejected) + len(ignored) == found`.

    Attributes:
        name: the folder's or archive's name, for display.
        layout: how the data were read: a pattern of paths such as "{split}/{class}/*" ("*" for images without labels),
            or "table FILE" or "FORMAT FILE" for what another file says of the images.
        classes: canonical class names, in display order.
        records: accepted images, ordered by (split, class, path).
        rejected: images that could not be used, with reasons.
        ignored: files that are not images of the data set, with reasons.
        official_splits: True if the splits came with the data, False if petmood made them.
        family_source: how families were found: "names", "pixels", "groups" (given by the user) or a combination.
        found: number of files found.
        allow_leakage: True if the user said to go on although a split leaks; every figure is then marked.
        notes: what a person should know of how the data were read, a sentence each.
        animals_offered: how many animals the data would have by an option that the user may give, and that option.
    """

    name: str
    layout: str
    classes: tuple[str, ...]
    records: tuple[ImageRecord, ...]
    rejected: tuple[SkippedFile, ...]
    ignored: tuple[SkippedFile, ...]
    official_splits: bool
    family_source: str
    found: int
    allow_leakage: bool = False
    notes: tuple[str, ...] = ()
    animals_offered: tuple[int, str] = (0, "")

    def __len__(self) -> int:
        return len(self.records)

    @cached_property
    def class_index(self) -> IntArray:
        """(n_images,) int64: index into `classes` for each record; -1 where unlabelled."""
        order = {name: i for i, name in enumerate(self.classes)}
        return np.array([order.get(r.class_name, -1) for r in self.records], dtype=np.int64)

    @cached_property
    def family_index(self) -> IntArray:
        """(n_images,) int64: dense family number, in order of first appearance."""
        order: dict[str, int] = {}
        return np.array([order.setdefault(r.family, len(order)) for r in self.records], dtype=np.int64)

    @cached_property
    def photo_index(self) -> IntArray:
        """(n_photos,) int64: one record for each family: its original, else its first file.

        Evaluation counts these and only these, so that a family counts once.
        """
        return self.photos_among(np.arange(len(self.records)))

    @cached_property
    def photos_by_split(self) -> IntArray:
        """(n,) int64, ascending: one record for each family of each split; `photo_index` where none straddles them."""
        by_split: dict[str, list[int]] = {}
        for i, record in enumerate(self.records):
            by_split.setdefault(record.split, []).append(i)
        return np.sort(np.concatenate([self.photos_among(rows) for rows in by_split.values()]))

    def photos_among(self, rows: Sequence[int] | IntArray) -> IntArray:
        """(n,) int64, ascending: of some records one for each family: its original, else its first file among them."""
        best: dict[str, int] = {}
        for i in map(int, rows):
            record = self.records[i]
            kept = best.get(record.family)
            if kept is None or (self.records[kept].derived and not record.derived):
                best[record.family] = i
        return np.array(sorted(best.values()), dtype=np.int64)

    @cached_property
    def animal_index(self) -> IntArray:
        """(n_images,) int64: dense number of each record's animal, in order of first appearance; -1 where unknown."""
        order: dict[str, int] = {}
        return np.array(
            [order.setdefault(r.animal, len(order)) if r.animal else -1 for r in self.records], dtype=np.int64
        )

    @cached_property
    def unit_index(self) -> IntArray:
        """(n_images,) int64: what must stay on one side of every partition: a family, or all families of an animal."""
        families, animals = self.family_index, self.animal_index
        if not (animals >= 0).any():
            return families
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        known = animals >= 0
        n = int(families.max()) + 1
        joined = (np.ones(known.sum()), (families[known], n + animals[known]))
        _, unit = connected_components(coo_array(joined, shape=(n + int(animals.max()) + 1,) * 2), directed=False)
        return np.asarray(unit[families], dtype=np.int64)

    @property
    def names_animals(self) -> bool:
        """Whether the data, or their user, say of several photos that they show one animal."""
        return len(np.unique(self.unit_index)) < self.n_photos

    @property
    def reading(self) -> str:
        """How the data were read, in a line: layout, and how much of what it found."""
        counts = [
            (len({r.split for r in self.records} - {""}), "split", "splits"),
            (len({r.fold for r in self.records} - {""}), "fold", "folds"),
            (len(self.classes), "class", "classes"),
            (len({r.species for r in self.records} - {""}), "species", "species"),
            (len({r.animal for r in self.records} - {""}), "animal", "animals"),
        ]
        told = [f"{n:,} {one if n == 1 else many}" for n, one, many in counts if n]
        return f"read as {self.layout}: {', '.join([*told, f'{len(self):,} images'])}"

    @property
    def n_photos(self) -> int:
        """Number of families: the sample size that counts."""
        return len({r.family for r in self.records})

    def split_names(self) -> tuple[str, ...]:
        """Splits that have images, in canonical order."""
        present = {r.split for r in self.records}
        return tuple(s for s in SPLITS if s in present)

    def in_split(self, split: str) -> IntArray:
        """(n,) int64: indices of the records of one split."""
        return np.flatnonzero(np.array([r.split == split for r in self.records])).astype(np.int64)

    def photos_in_split(self, split: str) -> IntArray:
        """(n,) int64: indices of one record for each family of one split."""
        return self.photos_among(self.in_split(split))

    @cached_property
    def digest(self) -> str:
        """Hexadecimal digest of all that figures depend on: each image's content and what the data say of it."""
        rows = [[r.sha256, r.class_name, r.split, r.family, r.derived] for r in self.records]
        said = [[r.species, r.animal, r.fold] for r in self.records]
        parts = [self.classes, rows, said] if any(map(any, said)) else [self.classes, rows]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def subset(self, rows: Sequence[int] | IntArray) -> Manifest:
        """The same data set with some of its records only; class names and their order stay."""
        return replace(self, records=tuple(self.records[int(i)] for i in rows))

    def sha256s(self) -> list[str]:
        """Content digest of each record, in order."""
        return [r.sha256 for r in self.records]


@dataclass(frozen=True)
class FeatureTable:
    """What a frozen backbone says of each image.

    Attributes:
        backbone: its name, e.g. "efficientnet-lite0".
        vectors: (n_images, dim) float32 features.
        logits: (n_images, n_outputs) float32 scores of the backbone's own head, or None.
        key: the cache namespace, which covers weights, preprocessing and format version.
    """

    backbone: str
    vectors: FloatArray
    logits: FloatArray | None
    key: str

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2:
            raise ValueError(f"vectors must be (n_images, dim), got shape {self.vectors.shape}")

    def rows(self, index: Sequence[int] | IntArray) -> FloatArray:
        """(len(index), dim) float32: the vectors of some images."""
        return self.vectors[np.asarray(index, dtype=np.int64)]
