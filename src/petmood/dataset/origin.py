"""Where an open data set came from, and what its user changed of it: what a run must carry to be repeated."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from petmood.config import ReadOptions
from petmood.records import Manifest


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


def user_file(path: Path, changed: int, given: int) -> UserFile:
    """Describe a file that was applied."""
    return UserFile(path, hashlib.sha256(path.read_bytes()).hexdigest(), changed, given)


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
