"""Species of each photo: told by an ImageNet head, or by the user's file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from petmood.errors import DataError
from petmood.labels import read_column
from petmood.records import IntArray, Manifest


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
