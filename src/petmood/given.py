"""A file that a user names -> its bytes, if it is a file of a size that can be meant; what has no end is not read."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any, Final

from petmood.errors import DataError

MAX_BYTES: Final = 2**30

_SPARE: Final = 200


def read_given(path: Path, limit: int = MAX_BYTES) -> bytes:
    """Bytes of a regular file.

    Args:
        path: of the file; pipes and devices, which may have no end or never begin, are refused.
        limit: bytes that it may have.

    Raises:
        DataError: it cannot be read, is no regular file or is too large.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise DataError(f"cannot read {path}: it is no regular file. Check the path.")
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


def parse_json(text: str | bytes) -> Any:
    """JSON of strangers, which may be nested deeper than Python goes.

    Raises:
        ValueError: it is not JSON, or is nested too deep.
    """
    try:
        return _parsed_below(_SPARE, text)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def _parsed_below(frames: int, text: str | bytes) -> Any:
    """JSON parsed so far down the stack that what goes through it later, from further up, has room to."""
    return _parsed_below(frames - 1, text) if frames else json.loads(text)
