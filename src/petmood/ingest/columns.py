"""The columns of a table -> which of them says what of a picture, by the user's word, by names and by values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from petmood.config import ReadOptions
from petmood.errors import DataError, some
from petmood.ingest.finder import Index
from petmood.ingest.rows import Rows
from petmood.ingest.words import split_of, tokens

_KNOWN: Final = {
    role: words.split()
    for role, words in {
        "path": "path file_name filename file filepath file_path image image_path imagepath img name id image_id fname",
        "class": "label labels class class_name classname category emotion mood expression target y label_name "
        "labelname tag state choice choices",
        "split": "split set subset partition fold_set phase usage dataset",
        "species": "species animal_type animaltype kind_of_animal type_of_animal",
        "animal": "animal animal_id animalid subject subject_id individual individual_id pet pet_id cat_id dog_id "
        "person",
        "fold": "fold kfold cv_fold fold_id",
    }.items()
}
"""Names of columns, by what they say."""

_SURE_SPLITS: Final = frozenset({"split", "subset", "partition"})
"""Columns that say a split, whatever their values; others of that role do where a value is a known split."""

MOST_SPLITS: Final = 10
"""More values than that are no splits, whatever their column is called."""

_TELLING: Final = frozenset(
    {"train", "test", "valid", "split", "fold", "subject", "animal", "pet", "dog", "cat", "species"}
)
"""Words in the name of a column that a person may expect to be read."""

ONEHOT: Final = {"1": True, "1.0": True, "true": True, "0": False, "0.0": False, "false": False}

HALF: Final = 0.5


@dataclass(frozen=True, slots=True)
class TableColumns:
    """Which column of a table says what; `onehot` are columns of 0 and 1, each for a class."""

    roles: Mapping[str, str]
    onehot: tuple[str, ...] = ()


def named_columns(rows: Rows, index: Index, folder: str, options: ReadOptions) -> TableColumns:
    """The columns of a table that the user named: as the user says, else as `found_columns` finds them.

    Raises:
        DataError: none has paths, none is the class, or two may be.
    """
    given = _told(rows, options)
    path = given.get("path") or path_column(rows, index, folder)
    if not path:
        raise DataError(
            f"no column of {rows.name} names images of the data; it has {some(rows.header)}. Say which with "
            "--columns path=NAME,class=NAME."
        )
    found = _unique(rows, _guess(rows, path, given))
    if found is None:
        others = some([column for column in rows.header if column != path])
        raise DataError(f"{rows.name} has no column of labels; it has {others}. Say which with --columns class=NAME.")
    return found


def found_columns(rows: Rows, index: Index, folder: str, options: ReadOptions) -> TableColumns | None:
    """The columns of a table that nobody named, by their names and, for paths, by the images they name.

    None if it says no class of any, or lacks a column of --columns.

    Raises:
        DataError: two columns may be the class.
    """
    header = {column.casefold() for column in rows.header}
    if any(column and column.casefold() not in header for _, column in options.columns):
        return None  # another table
    given = _told(rows, options)
    path = given.get("path") or path_column(rows, index, folder)
    return _unique(rows, _guess(rows, path, given)) if path else None


def columns_beside(rows: Rows, options: ReadOptions) -> TableColumns | None:
    """The columns of a table whose rows hold the images themselves; None if none is the class.

    Raises:
        DataError: two may be.
    """
    return _guess(rows, "", _told(rows, options))


def path_column(rows: Rows, index: Index, folder: str, sample: int = 200) -> str:
    """The column whose cells name most images of the data; "" if none names enough of them."""
    looked = rows.rows[:: max(1, len(rows.rows) // sample)]
    best, share = "", 0.0
    for place, column in enumerate(rows.header):
        hits = sum(bool(cells[place]) and bool(index.find(cells[place], folder)) for _, cells in looked)
        value = hits / max(len(looked), 1) + (0.01 if column.casefold() in _KNOWN["path"] else 0.0)
        if hits and value > share:
            best, share = column, value
    known = best.casefold() in _KNOWN["path"]
    return best if share >= (0.05 if known else HALF) else ""


def unread_columns(rows: Rows, read: TableColumns | None = None) -> list[str]:
    """Columns that are not read though their names sound as if they should be."""
    known = {*read.roles.values(), *read.onehot} if read else set()
    return [column for column in rows.header if column not in known and _TELLING.intersection(tokens(column))]


def _told(rows: Rows, options: ReadOptions) -> dict[str, str]:
    """Role -> column as the user says, "" for a role that is to be left out.

    Raises:
        DataError: a column that the table does not have.
    """
    header = {column.casefold(): column for column in rows.header} | {"": ""}
    for role, column in options.columns:
        if column.casefold() not in header:
            raise DataError(
                f"{rows.name} has no column '{column}' for {role}; it has {some(rows.header)}. Fix --columns."
            )
    return {role: header[column.casefold()] for role, column in options.columns}


def _unique(rows: Rows, found: TableColumns | None) -> TableColumns | None:
    twice = [c for c in {*found.roles.values(), *found.onehot} if rows.header.count(c) > 1] if found else []
    if twice:
        raise DataError(f"{rows.name} has two columns called '{twice[0]}'. Rename or remove one of them.")
    return found


def _guess(rows: Rows, path: str, given: Mapping[str, str]) -> TableColumns | None:
    """Roles of the columns; None if none is the class."""
    roles = {role: column for role, column in given.items() if column} | ({"path": path} if path else {})
    for role in ("split", "species", "animal", "fold"):
        for column in rows.header:
            if role in roles or role in given or column in roles.values():
                continue
            if column.casefold() in _KNOWN[role] and (role != "split" or _tells_splits(rows, column)):
                roles[role] = column
    if "class" in roles:
        return TableColumns(roles)
    rest = [column for column in rows.header if column not in roles.values()]
    found = [column for column in rest if column.casefold() in _KNOWN["class"]]
    if len(found) > 1:
        found = _same_columns(rows, found)
    if len(found) > 1:
        shown = "; ".join(f"--columns class={c} ({_values(rows, c)})" for c in found[:3])
        raise DataError(f"{rows.name} has {len(found)} columns that may be the class. Say which: {shown}.")
    if found:
        return TableColumns({**roles, "class": found[0]})
    hot = tuple(c for c in rest if rows.rows and {cell.lower() for cell in rows.column(c)} <= ONEHOT.keys())
    if len(hot) > 1:
        return TableColumns(roles, hot)
    if path and len(rest) == 1:
        values = set(rows.column(rest[0]))
        numbers = all(value.replace(".", "").replace("-", "").isdigit() for value in values)
        # a lone column of words is the label, whatever its name; one of numbers may be a width or an age
        if 1 < len(values) <= max(2, len(rows.rows) // 2) and not numbers:
            return TableColumns({**roles, "class": rest[0]})
    return None


def _tells_splits(rows: Rows, column: str) -> bool:
    known = [split_of(cell) for cell in set(rows.column(column)) if cell]
    return any(known) or (column.casefold() in _SURE_SPLITS and 0 < len(known) <= MOST_SPLITS)


def _same_columns(rows: Rows, found: Sequence[str]) -> list[str]:
    """One of several columns that tell the same apart: a number and its name; the one with words."""
    kept: list[str] = []
    for column in sorted(found, key=lambda c: all(cell.isdigit() for cell in rows.column(c))):
        if not any(_one_to_one(rows.column(column), rows.column(other)) for other in kept):
            kept.append(column)
    return kept


def _one_to_one(a: Sequence[str], b: Sequence[str]) -> bool:
    pairs = set(zip(a, b, strict=True))
    return len(pairs) == len({x for x, _ in pairs}) == len({y for _, y in pairs})


def _values(rows: Rows, column: str) -> str:
    counts = Counter(rows.column(column))
    shown = ", ".join(value or "(empty)" for value, _ in counts.most_common(4))
    return f"{len(counts)} values: {shown}{', ...' if len(counts) > 4 else ''}"
