"""Names, pixels or a user's groups -> the family of every record: a photo, and everything derived from it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal, get_args

from petmood.errors import ConfigError, DataError
from petmood.families.groups import GroupRow
from petmood.families.links import Link
from petmood.ingest.names import names_tell
from petmood.records import ImageRecord, Manifest, picture_of

FamilyMode = Literal["auto", "names", "pixels", "both"]

MODES: Final[tuple[FamilyMode, ...]] = get_args(FamilyMode)


def resolve_mode(manifest: Manifest, mode: str) -> FamilyMode:
    """What "auto" means for these data: "both" where file names tell of copies, "pixels" where they say nothing.

    Raises:
        ConfigError: an unknown mode.
    """
    for known in MODES:
        if mode == known:
            break
    else:
        raise ConfigError(f"unknown way to find families '{mode}'. Choose one of: {', '.join(MODES)}.")
    if known != "auto":
        return known
    return "both" if names_tell(record.path for record in manifest.records) else "pixels"


def join_families(manifest: Manifest, links: Iterable[Link], mode: FamilyMode) -> Manifest:
    """Give every record its family, and say which file of a family is its photo.

    Files with equal bytes, and the parts of one picture, are one family in every mode. The photo of a family is the
    file that names call the original, where they are asked and do; else the one with most pixels, among equals with
    most bytes (copying loses detail), among equals the first by path. The others are derived, and the family is named
    after its photo.

    Args:
        manifest: as ingested: families by names and equal bytes.
        links: pairs of digests that show one photo; not used by the mode "names".
        mode: "names", "pixels" or "both" ("auto" must be resolved first).
    """
    if mode == "names":
        return manifest
    use_names = mode == "both"
    union = Union(len(manifest))
    by_digest: dict[str, int] = {}
    by_picture: dict[str, int] = {}
    by_name: dict[str, int] = {}
    for i, record in enumerate(manifest.records):
        union.join(i, by_digest.setdefault(record.sha256, i))
        union.join(i, by_picture.setdefault(picture_of(record.path), i))
        if use_names:
            union.join(i, by_name.setdefault(record.family, i))
    before = union.count()
    for link in links:
        if link.first in by_digest and link.second in by_digest:
            union.join(by_digest[link.first], by_digest[link.second])
    added = union.count() < before
    records = list(manifest.records)
    for members in union.groups():
        photo = min(members, key=lambda i: _processed(records[i], use_names))
        family = records[photo].path
        for i in members:
            records[i] = replace(records[i], family=family, derived=i != photo)
    source = ("names and pixels" if added else "names") if use_names else "pixels"
    return replace(manifest, records=tuple(records), family_source=source)


def _processed(record: ImageRecord, use_names: bool) -> tuple[bool, int, int, str]:
    """Sorts the files of a family from the least to the most processed, as far as can be told."""
    return use_names and record.derived, -record.width * record.height, -record.size_bytes, record.path


def apply_groups(manifest: Manifest, groups: Mapping[str, GroupRow]) -> Manifest:
    """Let a user's groups override families: files of one group are one family, files of different groups are not.

    A file without a line goes with its relatives that have one, and keeps its family if none has. Which files are
    derived does not change.

    Args:
        manifest: with families found otherwise.
        groups: path -> its line of groups.csv; every path is in the manifest.

    Raises:
        DataError: files with equal bytes stand in different groups, or so do the relatives of a file without a line.
    """
    chosen = dict(groups)
    for copies in _by(manifest, "sha256"):
        rows = _rows_of(copies, chosen)
        if len({row.group for row in rows}) > 1:
            raise DataError(f"{_told_apart(rows)}, but these files have equal bytes. Put them into one group.")
        if rows:
            chosen.update((record.path, chosen.get(record.path, rows[0])) for record in copies)
    for family in _by(manifest, "family"):
        rows = _rows_of(family, chosen)
        loose = [record.path for record in family if record.path not in chosen]
        if loose and len({row.group for row in rows}) > 1:
            raise DataError(
                f"{_told_apart(rows)}, but '{loose[0]}' is of the same photo and has no line. Give it one, or put them "
                "into one group."
            )
        if rows:
            chosen.update((path, rows[0]) for path in loose)
    records = tuple(
        replace(r, family=f"group {chosen[r.path].group}") if r.path in chosen else r for r in manifest.records
    )
    return replace(manifest, records=records, family_source=f"groups, else {manifest.family_source}")


def _by(manifest: Manifest, field: Literal["sha256", "family"]) -> list[list[ImageRecord]]:
    found: dict[str, list[ImageRecord]] = defaultdict(list)
    for record in manifest.records:
        found[getattr(record, field)].append(record)
    return list(found.values())


def _rows_of(records: Sequence[ImageRecord], chosen: Mapping[str, GroupRow]) -> list[GroupRow]:
    return sorted((chosen[r.path] for r in records if r.path in chosen), key=lambda row: row.line)


def _told_apart(rows: Sequence[GroupRow]) -> str:
    first, second = rows[0], next(row for row in rows if row.group != rows[0].group)
    return f"groups '{first.group}' (line {first.line}) and '{second.group}' (line {second.line}) are told apart"


class Union:
    """Disjoint sets of 0..n-1; the smallest number stands for its set, so that the order of joins does not matter."""

    def __init__(self, n: int) -> None:
        self._parent = list(range(n))

    def find(self, i: int) -> int:
        """The number that stands for the set of i."""
        while self._parent[i] != i:
            self._parent[i] = self._parent[self._parent[i]]
            i = self._parent[i]
        return i

    def join(self, i: int, j: int) -> None:
        """Make one set of two."""
        a, b = sorted((self.find(i), self.find(j)))
        self._parent[b] = a

    def count(self) -> int:
        """How many sets there are."""
        return sum(i == parent for i, parent in enumerate(self._parent))

    def groups(self) -> Sequence[list[int]]:
        """Members of each set, in order."""
        found: dict[int, list[int]] = defaultdict(list)
        for i in range(len(self._parent)):
            found[self.find(i)].append(i)
        return list(found.values())
