"""Tables that say what is on the images of a data set -> the layout they make: class, split, animal of each image."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final

from petmood import images
from petmood.config import ReadOptions
from petmood.errors import DataError, ImageError, some
from petmood.given import read_given
from petmood.ingest.columns import (
    HALF,
    ONEHOT,
    TableColumns,
    columns_beside,
    found_columns,
    named_columns,
    path_column,
    unread_columns,
)
from petmood.ingest.finder import Index
from petmood.ingest.layout import Layout, Placed, canonical_classes
from petmood.ingest.pattern import option
from petmood.ingest.rows import FORMATS, Rows, from_frame, read_table
from petmood.ingest.words import fold_of, split_of, split_of_folders
from petmood.records import SkippedFile
from petmood.sources import FolderSource, Source
from petmood.tables import same_name, same_path

_OWN: Final = frozenset(
    {"groups.csv", "changes.csv", "animals-offered.csv", "manifest.csv", "manifest.parquet", "quality.csv"}
)
"""Tables of petmood's own, which say nothing of classes."""

_SEVERAL: Final = re.compile(r"\s*[|;,]\s*")
_JOINED: Final = re.compile(r"\s*[+&/]\s*")
_LISTED: Final = re.compile(r"\[\s*(.*?)\s*\]|\{\s*(.*?)\s*\}|\(\s*(.*?)\s*,?\s*\)", re.DOTALL)
_QUOTED: Final = re.compile(r"""(["'])(.*?)\1""", re.DOTALL)

_CORNERS: Final = frozenset({"xmin", "ymin", "xmax", "ymax"})

MAX_TABLES: Final = 200


@dataclass(frozen=True, slots=True)
class Said:
    """What rows say of one image, where the first of them stands, and how many they are."""

    placed: Placed
    where: str
    n: int = 1


def given_table(source: Source, candidates: Sequence[str], options: ReadOptions) -> Layout:
    """The layout that a table named by the user makes.

    Raises:
        DataError: the table cannot be read, lacks a column, or names no image.
    """
    assert options.table is not None
    inside = same_path(options.table)
    if inside in {same_path(name) for name in source.names()}:
        name = next(name for name in source.names() if same_path(name) == inside)
        data, folder = source.read(name, images.MAX_FILE_BYTES * 16), name.rpartition("/")[0]
    else:
        data, folder = read_given(Path(options.table)), ""
    rows = read_table(data, options.table)
    index = Index(candidates)
    _check_header(rows, index, folder)
    columns = named_columns(rows, index, folder, options)
    said = _said(rows, columns, index, folder, options)
    if not said:
        raise DataError(
            f"{options.table} names no image of {source.location}: its first path is "
            f"'{rows.column(columns.roles['path'])[0] if rows.rows else ''}', the first image '{candidates[0]}'. "
            "Say which column has paths with --columns path=NAME."
        )
    return _layout(said, candidates, [options.table], len(rows.rows), _unread(rows, columns))


def found_tables(
    source: Source,
    names: Iterable[str],
    candidates: Sequence[str],
    options: ReadOptions,
    passed: list[str],
    unread: list[str],
) -> Layout | None:
    """The layout that tables among the files make; None if there is no table of labels that covers half of the images.

    Args:
        source: the files.
        names: those that are not hidden.
        candidates: those that are images.
        options: what the user says of columns and splits.
        passed: gets a word on each file that might have been such a table, and why it is none.
        unread: gets a note on each table that names pictures and has no labels, but columns that may matter.

    Raises:
        DataError: a table says two things of one image, has two columns that may be the class, or a column of splits
            whose values say nothing.
    """
    embedded = _embedded(source, candidates, options, passed)
    if embedded is not None:
        return embedded
    tables = [
        name
        for name in names
        if f".{name.rpartition('.')[2].lower()}" in FORMATS
        and PurePosixPath(name).name.lower() not in _OWN
        and "submission" not in PurePosixPath(name).stem.lower()  # made-up answers, to show the form
        and not name.startswith(".")
    ]
    if not tables or len(tables) > MAX_TABLES:
        return None
    index = Index(candidates)
    said: dict[str, Said] = {}
    used, n, notes = dict[str, dict[str, Said]](), 0, []
    for name in tables:
        folder = name.rpartition("/")[0]
        try:
            rows = read_table(source.read(name, images.MAX_FILE_BYTES), name)
        except (DataError, ImageError) as error:
            passed.append(str(error).rstrip("."))  # some other table; one that the user names is read strictly
            continue
        columns = found_columns(rows, index, folder, options)
        if columns is None:
            passed.append(f"{name} (its columns {some(rows.header)} name no picture or no label)")
            telling = unread_columns(rows)
            if telling and path_column(rows, index, folder):
                unread.append(
                    f"{name} has no labels and is not read, though its columns may matter: {some(telling)}. A CSV with "
                    "the columns path,animal is read with --group-by FILE, one with path,species with --species FILE."
                )
            continue
        _check_found(rows, index, folder)
        more = _said(rows, columns, index, folder, options)
        if more:
            used[name] = more
            n += len(rows.rows)
            notes += _unread(rows, columns)
    for told in _with_splits(used).values():
        _merge(said, told)
    if len(said) < HALF * len(candidates):
        passed += [f"{shown} ({len(said):,} of {len(candidates):,} images)" for shown in [*used][:1]]
        return None
    return _layout(said, candidates, [*used], n, notes)


def _with_splits(used: Mapping[str, Mapping[str, Said]]) -> Mapping[str, Mapping[str, Said]]:
    """What tables say; `train.csv` beside `test.csv` says the split too, where no column or folder does."""
    named = {name: split_of(PurePosixPath(name).stem) for name in used}
    told = any(row.placed.split for rows in used.values() for row in rows.values())
    if told or not all(named.values()) or len({*named.values()}) < 2:
        return used
    return {
        name: {path: replace(row, placed=replace(row.placed, split=named[name])) for path, row in rows.items()}
        for name, rows in used.items()
    }


def _unread(rows: Rows, columns: TableColumns) -> list[str]:
    left = unread_columns(rows, columns)
    return (
        [f"{rows.name} has columns that are not read: {some(left)}. Say what they are: --columns animal=..."]
        if left
        else []
    )


def _check_found(rows: Rows, index: Index, folder: str) -> None:
    """Refuse to guess where a table that nobody named says more than labels of pictures."""
    if {column.casefold() for column in rows.header} >= _CORNERS:
        raise DataError(
            f"{rows.name} has boxes (xmin, ymin, xmax, ymax), which are read from exports as COCO, YOLO or Pascal VOC. "
            f"Export it as one of them, or take its labels for whole pictures with --table {rows.name}."
        )
    _check_header(rows, index, folder)


def _check_header(rows: Rows, index: Index, folder: str) -> None:
    if any(index.find(column, folder) for column in rows.header if column):
        raise DataError(
            f"the first line of {rows.name} names an image, not columns: '{', '.join(rows.header)}'. Put a line "
            "such as 'filename,label' before it."
        )


def _merge(said: dict[str, Said], more: Mapping[str, Said]) -> None:
    for path, row in more.items():
        before = said.get(path)
        if before is None:
            said[path] = row
            continue
        for field in ("class_name", "split", "species", "animal", "fold"):
            old, new = getattr(before.placed, field), getattr(row.placed, field)
            if old and new and same_name(old) != same_name(new):
                label = field == "class_name"
                what = "is" if label else f"is of the {field}"
                way = "say which table holds with --table FILE" if label else f"leave them unread: --columns {field}="
                raise DataError(
                    f"{row.where} says that '{path}' {what} '{new}', but {before.where} says '{old}'. Fix one of them, "
                    f"or {way}."
                )
        said[path] = replace(before, n=before.n + row.n)


def _embedded(source: Source, candidates: Sequence[str], options: ReadOptions, passed: list[str]) -> Layout | None:
    """What the columns beside images inside Parquet files say."""
    if not isinstance(source, FolderSource) or not source.tables:
        return None
    wanted = set(candidates)
    said: dict[str, Said] = {}
    used, n, notes = [], 0, []
    for name, table in sorted(source.tables.items()):
        members = [f"{name}/{member}" for member in table.members()]
        if not wanted.intersection(members):
            continue
        rows = from_frame(table.columns(), name)
        columns = columns_beside(rows, options)
        if columns is None:
            has = some(rows.header) or "nothing but images"
            passed.append(f"{name} (no column of labels, it has {has}; say which: --columns class=NAME)")
            continue
        split = split_of(PurePosixPath(name).name.partition("-")[0]) or split_of(PurePosixPath(name).parent.name)
        place = _Places(rows, columns, options)
        for member, (line, cells) in zip(members, rows.rows, strict=True):
            found = place.row(member, cells, f"{name}, row {line}")
            if found is not None:
                said[member] = Said(found if found.split or not split else replace(found, split=split), f"{name}")
        used.append(name)
        n += len(members)
        notes += _unread(rows, columns)
        if table.others:
            notes.append(f"{name} has several columns of images; '{table.column}' is read, not {some(table.others)}.")
    return _layout(said, candidates, used, n, notes) if len(said) >= HALF * len(candidates) else None


def _said(rows: Rows, columns: TableColumns, index: Index, folder: str, options: ReadOptions) -> dict[str, Said]:
    place = _Places(rows, columns, options)
    at = rows.header.index(columns.roles["path"])
    within = split_of_folders(f"{folder}/")
    found: dict[str, Said] = {}
    meant = index.find_all([cells[at] for _, cells in rows.rows], folder)
    for (line, cells), name in zip(rows.rows, meant, strict=True):
        if not name:
            continue
        where = f"{rows.name}, line {line}"
        row = place.row(name, cells, where)
        if row is None:
            continue
        row = row if row.split or not within else replace(row, split=within)
        _merge(found, {name: Said(row, where)})
    return found


class _Places:
    """Where in the cells of a row each thing stands that it says."""

    def __init__(self, rows: Rows, columns: TableColumns, options: ReadOptions) -> None:
        self._at = {role: rows.header.index(column) for role, column in columns.roles.items()}
        self._hot = [(column, rows.header.index(column)) for column in columns.onehot]
        self._splits = {same_name(name): split for name, split in options.splits}
        if "class" in columns.roles:
            _check_single(rows, columns.roles["class"])
        if "split" in columns.roles:
            self._check_splits(rows, columns.roles["split"])

    def _check_splits(self, rows: Rows, column: str) -> None:
        values = Counter(cell for cell in rows.column(column) if cell)
        unknown = [cell for cell in values if same_name(cell) not in self._splits and not split_of(cell)]
        if unknown:
            line = next(line for line, cells in rows.rows if cells[self._at["split"]] == unknown[0])
            told = option("splits", ",".join(f"{cell}={split_of(cell) or 'train'}" for cell in unknown[:3]))
            raise DataError(
                f"{rows.name}, line {line}: the split '{unknown[0]}' is not known; column '{column}' has "
                f"{some([*values])}. Say what each is, for example {told}, or leave the column out: --columns split="
            )

    def row(self, name: str, cells: Sequence[str], where: str) -> Placed | None:
        """What a row says; None if it says no class, or is of a split that is left out."""

        def cell(role: str) -> str:
            return cells[self._at[role]] if role in self._at else ""

        if self._hot:
            on = [column for column, at in self._hot if ONEHOT[cells[at].lower()]]
            if len(on) > 1:
                raise DataError(
                    f"{where}: several columns of classes are set for '{name}': {some(on)}. Keep one for each picture, "
                    "and remove columns that are no classes."
                )
            label = on[0] if on else ""
        else:
            label = _sole(cell("class"))
        split = cell("split")
        told = self._splits.get(same_name(split), split_of(split)) if split else ""
        if not label or (split and not told):
            return None
        fold = cell("fold")
        return Placed(name, told, label, cell("species"), cell("animal"), fold_of(fold) or fold)


def _listed(value: str) -> list[str]:
    """The quoted words of what a program wrote as a list or a set; empty if it is none."""
    inside = _LISTED.fullmatch(value)
    return [word for _, word in _QUOTED.findall(value)] if inside else []


def _sole(value: str) -> str:
    """A label, without the brackets of a list of one."""
    words = _listed(value)
    return words[0].strip() if len(words) == 1 else value


def _check_single(rows: Rows, column: str) -> None:
    """Refuse labels that are lists of labels: `happy|playful` beside `happy`."""
    values = set(rows.column(column))
    for value in sorted(values):
        parts, joined = _SEVERAL.split(value), _JOINED.split(value)
        if (
            len(_listed(value)) > 1
            or (len(parts) > 1 and ("|" in value or any(part in values for part in parts)))
            or (len(joined) > 1 and values.issuperset(joined))
        ):
            raise DataError(
                f"{rows.name}: the label '{value}' names several classes at once. Keep one label for each picture."
            )


def _layout(
    said: Mapping[str, Said], candidates: Sequence[str], used: Sequence[str], lines: int, more: Sequence[str] = ()
) -> Layout:
    spelling, classes = canonical_classes([row.placed.class_name for row in said.values()])
    shown = ", ".join(used[:3]) + (f" and {len(used) - 3} more" if len(used) > 3 else "")
    placed = []
    ignored = []
    for name in candidates:
        row = said.get(name)
        if row is None:
            ignored.append(SkippedFile(name, f"not in {shown}, or without a label there"))
        else:
            placed.append(replace(row.placed, class_name=spelling[row.placed.class_name]))
    splits = {p.split for p in placed}
    if splits == {""}:
        named = [split_of_folders(p.path) for p in placed]
        if all(named):
            placed = [replace(p, split=split) for p, split in zip(placed, named, strict=True)]
    elif "" in splits:
        n = sum(not p.split for p in placed)
        raise DataError(f"{shown} gives a split to some images and none to {n:,}. Fill the column, or remove it.")
    notes = [*more]
    read = sum(row.n for row in said.values())
    if lines > read:
        notes.append(f"{lines - read:,} of {lines:,} rows of {shown} name no image of the data, or have no label.")
    if read > len(said):
        notes.append(f"{read - len(said):,} of {lines:,} rows of {shown} repeat others.")
    if ignored:
        notes.append(f"{len(ignored):,} of {len(candidates):,} images have no label in {shown} and are left out.")
    return Layout(f"table {shown}", classes, tuple(placed), tuple(ignored), tuple(notes))
