"""CSV files that users write about their data -> rows with line numbers; what to say of a path that is not there."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from petmood.errors import DataError
from petmood.escaping import from_csv_cell
from petmood.records import Manifest


def read_rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """(line number, values of `columns`) of each row that is not blank. Other columns may stand beside them.

    Args:
        path: a CSV file in UTF-8 with a header.
        columns: names that the header must have.

    Raises:
        DataError: the file cannot be read or is not CSV, the header lacks a column, or a row has too few or too many.
    """
    return parse_rows(load_table(path), str(path), columns)


def load_table(path: Path) -> bytes:
    """Bytes of a file that a user names.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}. Check the path.") from error


def parse_rows(data: bytes, path: str, columns: Sequence[str]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """`read_rows` of a file's bytes; `path` is its name in messages."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not UTF-8 text ({error.reason} at byte {error.start}). Save it as UTF-8."
        ) from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [cell.strip() for cell in next(reader, [])]
        lacking = [column for column in columns if column not in header]
        if lacking:
            raise DataError(
                f"{path}, line 1: the header lacks '{lacking[0]}', got '{','.join(header)}'. "
                f"The first line must name the columns: {','.join(columns)}."
            )
        places = [header.index(column) for column in columns]
        for row in reader:
            if not row or not any(cell.strip() for cell in row):
                continue
            if len(row) != len(header):
                raise DataError(
                    f"{path}, line {reader.line_num}: {len(row)} columns where the header has {len(header)}. "
                    "Quote values that hold commas."
                )
            yield reader.line_num, tuple(from_csv_cell(row[place]) for place in places)
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: not CSV ({error}). Mend the line.") from error


def unknown_path(name: str, manifest: Manifest) -> str:
    """What is wrong with a path that no record has, and what to do."""
    unused = {s.path: s.reason for s in (*manifest.rejected, *manifest.ignored)}
    if name in unused:
        return f"'{name}' is not part of the data ({unused[name]}). Remove the line."
    near = difflib.get_close_matches(name, [r.path for r in manifest.records], n=1, cutoff=0.8)
    hint = f"Did you mean '{near[0]}'?" if near else "Paths are relative to the data, as in manifest.parquet."
    return f"there is no file '{name}' in the data. {hint}"
