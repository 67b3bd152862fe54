"""What the user's own files said of a data set: labels, groups and species, and what they changed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from petmood.config import ReadOptions
from petmood.errors import DataError
from petmood.labels import read_column
from petmood.records import IntArray, Manifest


@dataclass(frozen=True)
class UserFile:
    """A file by which the user changed the data.

    Attributes:
        path: as the user named it.
        sha256: of its bytes.
        changed: photos whose label, family or species is not what petmood found without it.
        given: photos that it names.
    """

    path: Path
    sha256: str
    changed: int
    given: int


@dataclass(frozen=True)
class Origin:
    """How a data set was opened.

    Attributes:
        data: folder or archive, as the user named it.
        families: how families were asked to be found.
        seed: of splits that had to be made.
        options: how the user said that the data are to be read.
        labels, groups, species: the user's files, if given.
    """

    data: Path
    families: str = "auto"
    seed: int = 42
    options: ReadOptions = field(default_factory=ReadOptions)
    labels: UserFile | None = None
    groups: UserFile | None = None
    species: UserFile | None = None


def user_file(path: Path, changed: int, given: int, data: bytes | None = None) -> UserFile:
    """Describe a file that was applied; `data` are its bytes where it lies in an archive."""
    return UserFile(path, hashlib.sha256(path.read_bytes() if data is None else data).hexdigest(), changed, given)


def relabelled_photos(before: Manifest, after: Manifest) -> int:
    """Photos with another label than before, or left out."""
    old = {r.family: r.class_name for r in before.records}
    new = {r.family: r.class_name for r in after.records}
    return sum(new.get(family) != name for family, name in old.items())


def regrouped_photos(before: Manifest, after: Manifest) -> int:
    """Families of `after` that hold other files than any family of `before`."""

    def sets(manifest: Manifest) -> set[frozenset[str]]:
        found: dict[str, set[str]] = {}
        for record in manifest.records:
            found.setdefault(record.family, set()).add(record.path)
        return {frozenset(paths) for paths in found.values()}

    return len(sets(after) - sets(before))


@dataclass(frozen=True)
class SpeciesTable:
    """Species by row of a data set.

    Attributes:
        probabilities: (n, k) float64.
        names: of the k species.
        told_by: "head", the ImageNet head of a backbone, or "file", given by the user or the data.
    """

    probabilities: NDArray[np.float64]
    names: tuple[str, ...]
    told_by: Literal["head", "file"]

    @property
    def index(self) -> IntArray:
        """(n,) int64: the most probable species."""
        return np.asarray(self.probabilities.argmax(axis=1), dtype=np.int64)

    @property
    def by_row(self) -> list[str]:
        """The most probable species of each row."""
        return [self.names[i] for i in self.index]

    @property
    def key(self) -> str:
        """Digest of what was told, for caches."""
        return hashlib.sha256(repr(self.names).encode() + self.probabilities.tobytes()).hexdigest()[:16]


def read_species(path: Path, manifest: Manifest) -> dict[str, str]:
    """Family -> species from a CSV file with the columns `path` and `species`, which must name every photo.

    Raises:
        DataError: the file cannot be read, or a line or a photo is amiss.
    """
    given = read_column(path, manifest, "species")
    photos = [manifest.records[i] for i in manifest.photo_index]
    lacking = [r.path for r in photos if r.path not in given]
    if lacking:
        raise DataError(f"{path} has no line for {len(lacking)} photos, the first '{lacking[0]}'. Add them.")
    return {r.family: given[r.path] for r in photos}


def given_species(by_family: dict[str, str], manifest: Manifest) -> SpeciesTable:
    """The table of a manifest's rows, whose families all have a species."""
    names = tuple(sorted(set(by_family.values())))
    index = [names.index(by_family[r.family]) for r in manifest.records]
    return SpeciesTable(np.eye(len(names))[index], names, "file")
