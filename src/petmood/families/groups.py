"""groups.csv of a user -> which files belong together, each line checked against the data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from petmood.errors import DataError
from petmood.given import read_given
from petmood.records import Manifest
from petmood.tables import parse_rows, records_by_path, same_path, unknown_path, value_of

COLUMNS: Final = ("path", "group")
"""Columns that groups.csv must have; others may stand beside them and are not read."""


@dataclass(frozen=True, slots=True)
class GroupRow:
    """The group of one file, and the line of groups.csv that says so."""

    group: str
    line: int


def read_groups(path: Path, manifest: Manifest) -> dict[str, GroupRow]:
    """Read groups.csv of a user from where they keep it; see `parse_groups`.

    Raises:
        DataError: the file cannot be read, or a line cannot be used.
    """
    return parse_groups(read_given(path), str(path), manifest)


def parse_groups(data: bytes, path: str, manifest: Manifest) -> dict[str, GroupRow]:
    """The bytes of groups.csv (columns `path` and `group`) -> path -> its group; `path` is its name in messages.

    Raises:
        DataError: it is not CSV or has no line, or a line names a file that is not in the data, a file for
            the second time, or no group. The message has the line's number.
    """
    known = records_by_path(manifest)
    found: dict[str, GroupRow] = {}
    for line, (given, group) in parse_rows(data, path, COLUMNS):
        record = known.get(same_path(given))
        if record is None:
            raise DataError(f"{path}, line {line}: {unknown_path(given, manifest)}")
        name = record.path
        if name in found:
            raise DataError(
                f"{path}, line {line}: '{name}' is a duplicate: line {found[name].line} has it already. Keep one."
            )
        if not value_of(group):
            raise DataError(f"{path}, line {line}: the group is empty. Write a name, or remove the line.")
        found[name] = GroupRow(value_of(group), line)
    if not found:
        raise DataError(f"{path} has no groups. Give it a line a file below the header '{','.join(COLUMNS)}'.")
    return found
