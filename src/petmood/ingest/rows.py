"""A table in any common format (CSV, TSV, JSON lines, Parquet) -> rows of text by column name."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from petmood.errors import DataError
from petmood.given import parse_json
from petmood.tables import decoded, separated

FORMATS: Final = frozenset({".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".parquet"})
"""Endings of the files that can be read as tables."""


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
    if suffix in (".jsonl", ".ndjson"):
        return _json_lines(data, name)
    if suffix == ".parquet":
        return _parquet(data, name)
    rows = separated(data, name)
    _, header = next(rows, (1, []))
    return Rows(name, tuple(header), [(line, tuple(cell.strip() for cell in cells)) for line, cells in rows])


def _json_lines(data: bytes, name: str) -> Rows:
    records: list[tuple[int, dict[str, Any]]] = []
    header: dict[str, None] = {}
    for number, line in enumerate(decoded(data, name).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            record = parse_json(line)
        except ValueError as error:
            raise DataError(f"{name}, line {number}: not JSON ({error}). Mend the line.") from error
        if not isinstance(record, dict):
            raise DataError(f"{name}, line {number}: not a JSON object. Each line must be one, with a key a column.")
        records.append((number, record))
        header.update(dict.fromkeys(record))
    names = tuple(header)
    return Rows(name, names, [(line, tuple(_text(record.get(key)) for key in names)) for line, record in records])


def _parquet(data: bytes, name: str) -> Rows:
    import polars as pl

    try:
        frame = pl.read_parquet(io.BytesIO(data))
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{name} is not a readable Parquet file ({error}).") from error
    return from_frame(frame, name)


def from_frame(frame: Any, name: str) -> Rows:
    """Rows of a polars frame; columns with more than one value a row are left out."""
    import polars as pl

    kept = [column for column in frame.columns if not frame[column].dtype.is_nested()]
    frame = frame.select(column for column in kept if frame[column].dtype != pl.Binary)
    rows = [(i + 1, tuple(map(_text, cells))) for i, cells in enumerate(frame.iter_rows())]
    return Rows(name, tuple(frame.columns), rows)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.strip() if isinstance(value, str) else str(value)
