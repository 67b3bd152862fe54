"""A table in any common format (CSV, TSV, JSON lines, Parquet) -> rows of text by column name."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from petmood.errors import DataError, require_extra
from petmood.given import check_rows, parquet_damage, parse_json
from petmood.tables import decoded, separated, value_of

FORMATS: Final = frozenset({".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".parquet"})
"""Endings of the files that are looked through for labels; one that is named may be `.json` or text as well."""

OTHERS: Final = frozenset({".xlsx", ".xls", ".ods", ".json", ".xml", ".txt"})
"""Endings of files that may well say what is on pictures, but are not read unasked."""

_SHEETS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")

_WHOLE: Final = re.compile(r"(-?\d+)\.0+")


@dataclass(frozen=True)
class Rows:
    """A table: (line number or row, cells) for each row; `header` names the cells, all of which are stripped text."""

    name: str
    header: tuple[str, ...]
    rows: list[tuple[int, tuple[str, ...]]]

    def column(self, name: str) -> list[str]:
        """The cells of one column."""
        place = self.header.index(name)
        return [cells[place] for _, cells in self.rows]


def read_table(data: bytes, name: str) -> Rows:
    """Read a table.

    Args:
        data: the file's bytes.
        name: its name, which tells the format, for messages too.

    Raises:
        DataError: it cannot be read.
    """
    suffix = PurePosixPath(name).suffix.lower()
    if data.startswith(_SHEETS):
        raise DataError(f"{name} is a spreadsheet or an archive, not a table of text. Save it as CSV.")
    if suffix == ".json":
        return _json(data, name)
    if suffix in (".jsonl", ".ndjson"):
        return _json_lines(data, name)
    if suffix == ".parquet":
        return _parquet(data, name)
    rows = separated(data, name)
    _, header = next(rows, (1, []))
    return _whole(Rows(name, tuple(header), [(line, tuple(map(value_of, cells))) for line, cells in rows]))


def _whole(rows: Rows) -> Rows:
    """Columns of whole numbers that a program wrote as `1.0`, for a row without one made them floats, as `1`."""
    told = [
        k
        for k in range(len(rows.header))
        if any(cells[k] for _, cells in rows.rows)
        and all(not cells[k] or _WHOLE.fullmatch(cells[k]) for _, cells in rows.rows)
    ]
    if not told:
        return rows
    numbers = [
        (line, tuple(_WHOLE.sub(r"\1", cell) if k in told else cell for k, cell in enumerate(cells)))
        for line, cells in rows.rows
    ]
    return Rows(rows.name, rows.header, numbers)


def _json(data: bytes, name: str) -> Rows:
    """A list of objects, or one object from paths to labels."""
    try:
        found = parse_json(decoded(data, name), once=True)
    except ValueError as error:
        raise DataError(f"{name} is not JSON ({error}). Fix it.") from error
    if isinstance(found, dict) and found and all(isinstance(value, str | int) for value in found.values()):
        found = [{"path": path, "label": label} for path, label in found.items()]
    if not isinstance(found, list) or not all(isinstance(record, dict) for record in found):
        raise DataError(f"{name} is not a table: neither a list of JSON objects nor labels by path. Save it as CSV.")
    return _records(list(enumerate(found, start=1)), name)


def _json_lines(data: bytes, name: str) -> Rows:
    records: list[tuple[int, dict[str, Any]]] = []
    for number, line in enumerate(decoded(data, name).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            record = parse_json(line)
        except ValueError as error:
            raise DataError(f"{name}, line {number}: not JSON ({error}). Fix the line.") from error
        if not isinstance(record, dict):
            raise DataError(f"{name}, line {number}: not a JSON object. Each line must be one, with a key a column.")
        records.append((number, record))
    return _records(records, name)


def _records(records: list[tuple[int, dict[str, Any]]], name: str) -> Rows:
    names = tuple(dict.fromkeys(key for _, record in records for key in record))
    return Rows(name, names, [(line, tuple(_text(record.get(key)) for key in names)) for line, record in records])


def _parquet(data: bytes, name: str) -> Rows:
    require_extra(f"Reading {name}", "tables")
    import polars as pl

    try:
        rows = pl.scan_parquet(io.BytesIO(data)).select(pl.len()).collect().item()
        check_rows(rows, 1, 0, name)
        frame = pl.read_parquet(io.BytesIO(data))
    except parquet_damage() as error:
        said = " ".join(str(error).split())[:200]
        raise DataError(f"{name} is not a readable Parquet file ({said}). Copy or write it again.") from error
    return from_frame(frame, name)


def from_frame(frame: Any, name: str) -> Rows:
    """Rows of a polars frame; columns with more than one value a row are left out, lists of just one are that one."""
    import polars as pl

    single = [c for c in frame.columns if frame[c].dtype == pl.List and (frame[c].list.len() == 1).all()]
    frame = frame.with_columns(pl.col(c).list.first() for c in single)
    kept = [column for column in frame.columns if not frame[column].dtype.is_nested()]
    frame = frame.select(column for column in kept if frame[column].dtype != pl.Binary)
    texts = pl.col(pl.String).str.len_bytes().sum().cast(pl.Int64)
    size = frame.select(pl.sum_horizontal(texts)).item() if pl.String in frame.dtypes else 0
    check_rows(len(frame), len(frame.columns), size, name)
    rows = [(i + 1, tuple(map(_text, cells))) for i, cells in enumerate(frame.iter_rows())]
    return Rows(name, tuple(frame.columns), rows)


def _text(value: object) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value_of(value) if isinstance(value, str) else str(value)
