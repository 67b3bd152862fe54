"""What one picture may cost: limits that hold before anything is decoded, and a clock that ends what runs too long."""

from __future__ import annotations

import io
import time
from typing import Final

from petmood.errors import ImageError
from petmood.threads import ByteBudget

MAX_FILE_BYTES = 64 * 2**20
MAX_PIXELS = 100_000_000

BYTES_A_PIXEL: Final = 8
"""Memory that decoding may take for each pixel of the largest picture: what takes more has a lower limit of pixels."""

MAX_SCANS: Final = 100
"""Scans of a JPEG: usual progressive files have about ten."""

MAX_SAMPLES: Final = 2_000_000_000
"""Samples that all scans of a JPEG may visit together: 100 million pixels in a dozen scans."""

MAX_PARTS: Final = 100_000
"""Segments, chunks, blocks, strips or tiles of a file: each costs a little work of its own."""

MAX_METADATA: Final = 4 * 2**20
"""Bytes of a colour profile, EXIF or XMP block that are looked at; larger ones are left out."""

DECODE_SECONDS = 20.0
"""Processor time that one picture may take; not the clock on the wall, so that a busy machine rejects no sound file."""

CHUNK: Final = 16 * 1024
"""Bytes that a decoder takes between two looks at the clock."""

_SMALL: Final = 512
_LOOK: Final = 16
"""Of pieces of `_SMALL` bytes or fewer, every sixteenth comes with a look at the clock."""

_BUDGET: Final = 2**30

budget: Final = ByteBudget(_BUDGET)
"""Memory that all threads together may take for decoding."""


class OutOfTime(Exception):  # noqa: N818 - a signal inside this package, never seen outside
    """A picture has used up its processor time."""


class ClockedBytes(io.BytesIO):
    """A file in memory that raises `OutOfTime` in the thread that has read from it for too long."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._end = time.thread_time() + DECODE_SECONDS
        self._calls = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Bytes from where the last call ended.

        Raises:
            OutOfTime: the thread has worked for `DECODE_SECONDS` since this file was opened.
        """
        self._calls += 1
        # headers are read in many small pieces: not each is worth a look at the clock
        if (size is None or not 0 <= size <= _SMALL or self._calls % _LOOK == 0) and time.thread_time() > self._end:
            raise OutOfTime
        return super().read(size)


def check_file(data: bytes) -> None:
    """Refuse no bytes, or too many.

    Raises:
        ImageError: as said.
    """
    if not data:
        raise ImageError("empty file (0 bytes)")
    if len(data) > MAX_FILE_BYTES:
        raise ImageError(f"file too large: {len(data):,} bytes, the limit is {MAX_FILE_BYTES:,}")


def check_size(width: int, height: int) -> None:
    """Refuse a picture without pixels, or with too many.

    Raises:
        ImageError: as said.
    """
    if width <= 0 or height <= 0:
        raise ImageError("a picture without pixels")
    if width * height > MAX_PIXELS:
        raise ImageError(f"{width}x{height} pixels is over the limit of {MAX_PIXELS:,}")


def check_cost(cost: int) -> None:
    """Refuse a picture whose decoding would take more bytes of memory than the largest plain picture takes.

    Raises:
        ImageError: as said.
    """
    limit = BYTES_A_PIXEL * MAX_PIXELS
    if cost > limit:
        raise ImageError(f"decoding would take {cost / 1e6:,.0f} MB of memory; the limit is {limit / 1e6:,.0f} MB")


def check_parts(parts: int, what: str) -> None:
    """Refuse a file of too many parts.

    Raises:
        ImageError: as said.
    """
    if parts > MAX_PARTS:
        raise ImageError(f"more than {MAX_PARTS:,} {what}: taken for a trap, not a picture")
