"""CSV files that users write about their data -> rows with line numbers; what to say of a path that is not there.

Commas, semicolons, tabs and bars all separate columns, as spreadsheets of different countries write them; text is
UTF-8, or UTF-16 with its mark. Paths are the same in both of Unicode's forms of composed letters.
"""

from __future__ import annotations

import codecs
import csv
import io
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from petmood.errors import DataError, near_or
from petmood.escaping import from_csv_cell
from petmood.given import read_given
from petmood.records import ImageRecord, Manifest

SEPARATORS: Final = ",;\t|"

_MISSING: Final = frozenset(["NA", "N/A", "#N/A", "<NA>", "n/a", "nan", "NaN", "NAN", "null", "NULL", "Null"])
"""What R, pandas, spreadsheets and databases write where there is no value; `None` may be meant as a class."""

_UNSEEN: Final = "\ufeff\u200b\u200e\u200f\u2060"
"""Marks without width that copying from pages and documents leaves at the ends of words."""


def read_rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """(line number, values of `columns`) of each row that is not blank. Other columns may stand beside them.

    Args:
        path: a CSV file in UTF-8 with a header.
        columns: names that the header must have.

    Raises:
        DataError: the file cannot be read or is not CSV, the header lacks a column, or a row has too few or too many.
    """
    return parse_rows(read_given(path), str(path), columns)


def parse_rows(data: bytes, path: str, columns: Sequence[str]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """`read_rows` of a file's bytes; `path` is its name in messages."""
    rows = separated(data, path)
    at, header = next(rows, (1, []))
    lacking = [column for column in columns if column not in header]
    if lacking:
        raise DataError(
            f"{path}, line {max(at, 1)}: the header lacks '{lacking[0]}', got '{','.join(header)}'. "
            f"The first line must name the columns: {','.join(columns)}."
        )
    twice = [column for column in columns if header.count(column) > 1]
    if twice:
        raise DataError(f"{path}, line {at}: two columns are called '{twice[0]}'. Rename or remove one.")
    places = [header.index(column) for column in columns]
    for line, row in rows:
        yield line, tuple(row[place] for place in places)


def decoded(data: bytes, path: str) -> str:
    """Text of a file in UTF-8, with or without a byte order mark, or in UTF-16 with one.

    Raises:
        DataError: it is neither.
    """
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not UTF-8 text ({error.reason} at byte {error.start}). Save it as UTF-8."
        ) from error


def separated(data: bytes, path: str) -> Iterator[tuple[int, list[str]]]:
    """(line number, cells) of the header and of each row that is not blank; the header's cells are stripped.

    Raises:
        DataError: not text, not CSV, or a row has too few or too many cells.
    """
    text = decoded(data, path)
    first = text.lstrip("\r\n").split("\n", 1)[0]
    separator = max(SEPARATORS, key=lambda sign: (first.count(sign), -SEPARATORS.index(sign)))
    # `a.jpg, "happy, tired"`: a space before a quote would make the quote a sign like others
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator, skipinitialspace=True)
    try:
        header = [cell.strip() for cell in next((row for row in reader if any(cell.strip() for cell in row)), [])]
        yield reader.line_num, header
        for row in reader:
            if not row or not any(cell.strip() for cell in row):
                continue
            if len(row) != len(header):
                raise DataError(
                    f"{path}, line {reader.line_num}: {len(row)} columns where the header has {len(header)}. "
                    "Quote values that hold commas."
                )
            yield reader.line_num, [from_csv_cell(cell) for cell in row]
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: not CSV ({error}). Fix the line.") from error


def bare(text: str) -> str:
    """Text without what is not seen at its ends: spaces and marks without width."""
    return text.strip().strip(_UNSEEN).strip()


def value_of(cell: str) -> str:
    """What a cell says; "" if that is nothing, or a word for no value."""
    text = bare(cell)
    return "" if text in _MISSING else text


def same_name(text: str) -> str:
    """One spelling for names that differ by case, Unicode form or what is not seen at their ends alone."""
    return bare(unicodedata.normalize("NFC", text)).casefold()


def same_path(name: str) -> str:
    """One spelling for paths that people hold for the same: composed letters, forward slashes, no `./` before them."""
    return unicodedata.normalize("NFC", name).strip().replace("\\", "/").removeprefix("./")


def records_by_path(manifest: Manifest) -> dict[str, ImageRecord]:
    """Each record by its path as `same_path` spells it."""
    return {same_path(record.path): record for record in manifest.records}


def unknown_path(name: str, manifest: Manifest) -> str:
    """What is wrong with a path that no record has, and what to do."""
    unused = {same_path(s.path): s.reason for s in (*manifest.rejected, *manifest.ignored)}
    if same_path(name) in unused:
        return f"'{name}' is not part of the data ({unused[same_path(name)]}). Remove the line."
    otherwise = "Paths are relative to the data, as in manifest.csv."
    hint = near_or(name, (r.path for r in manifest.records), otherwise, cutoff=0.8)
    return f"there is no file '{name}' in the data. {hint}"
