"""A file that a user names -> its bytes, if it is a file of a size that can be meant; what has no end is not read."""

from __future__ import annotations

import json
import stat
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from petmood.errors import DataError

MAX_BYTES: Final = 2**30

MAX_CELLS: Final = 20_000_000
"""Of a table in a packed form, all rows and columns together."""

_SPARE: Final = 200


def read_given(path: Path, limit: int = MAX_BYTES) -> bytes:
    """Bytes of a regular file.

    Args:
        path: of the file; pipes and devices, which may have no end or never begin, are refused.
        limit: bytes that it may have.

    Raises:
        DataError: it cannot be read, is not a regular file or is too large.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise DataError(f"cannot read {path}: it is not a regular file. Check the path.")
        with path.open("rb") as handle:
            data = handle.read(limit + 1)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}. Check the path.") from error
    if len(data) > limit:
        raise DataError(f"{path} is larger than {limit:,} bytes, which is too large for a file of its kind.")
    return data


def parquet_damage(*more: type[BaseException]) -> tuple[type[BaseException], ...]:
    """What polars raises of a Parquet file that cannot be read or is damaged, and `more`; a panic is no Exception."""
    from polars.exceptions import PanicException, PolarsError

    return OSError, ValueError, PolarsError, PanicException, *more


def check_rows(rows: int, columns: int, text: int, name: str) -> None:
    """Refuse a table that is far larger than its file: some kilobytes of Parquet can stand for any number of rows.

    Args:
        rows: of the table.
        columns: that are to be read.
        text: bytes of all texts together, those that stand many times counted as often.
        name: of the table, for the message.

    Raises:
        DataError: it is larger than can be meant.
    """
    if rows * max(columns, 1) > MAX_CELLS or text > MAX_BYTES:
        raise DataError(
            f"{name} has {rows:,} rows, {columns} columns and {text:,} bytes of text; at most {MAX_CELLS:,} cells and "
            f"{MAX_BYTES:,} bytes are read. Split it, or leave columns out."
        )


def parse_json(text: str | bytes, *, once: bool = False) -> Any:
    """JSON of strangers, which may be nested deeper than Python goes; `once` refuses keys that stand twice.

    Raises:
        ValueError: it is not JSON, is nested too deep, or has such a key.
    """
    try:
        return _parsed_below(_SPARE, text, _once if once else None)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the key '{twice[:60]}' stands twice")
    return found


def _parsed_below(frames: int, text: str | bytes, hook: Callable[[list[tuple[str, Any]]], Any] | None) -> Any:
    """JSON parsed so far down the stack that what goes through it later, from further up, has room to."""
    return _parsed_below(frames - 1, text, hook) if frames else json.loads(text, object_pairs_hook=hook)
