"""Directories of tags, as TIFF and EXIF have them -> the few values that pixels depend on; bounded, never trusting."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from petmood.errors import ImageError
from petmood.images.limits import check_parts

ORIENTATION: Final = 274
_PAGES: Final = 1000
_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_CODES: Final = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One tag: its type and count of values, and where its values and its own record begin."""

    kind: int
    count: int
    at: int
    record: int


@dataclass(frozen=True, slots=True)
class Directory:
    """The first directory of a TIFF: its tags, where it lies, how long its records are, and the next directory."""

    order: str
    big: bool
    offset: int
    entries: dict[int, Entry]
    next: int

    @property
    def head(self) -> int:
        """Bytes of the count of records before them."""
        return 8 if self.big else 2

    @property
    def record(self) -> int:
        """Bytes of one record."""
        return 20 if self.big else 12


Bytes = bytes | memoryview


def is_tiff(data: Bytes) -> bool:
    """Whether bytes begin as a TIFF does."""
    return data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def first_directory(data: Bytes) -> Directory:
    """Read the first directory of a TIFF.

    Raises:
        ImageError: there is none.
    """
    if not is_tiff(data):
        raise ImageError("broken image (no TIFF header)")
    order = "<" if data[:1] == b"I" else ">"
    big = 43 in data[2:4]
    try:
        offset = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)[0]
        return _directory(data, order, big, offset)
    except struct.error as error:
        raise ImageError("broken image (its directory of tags is cut)") from error


def _directory(data: Bytes, order: str, big: bool, offset: int) -> Directory:
    if offset > len(data):
        raise ImageError("broken image (its directory of tags lies outside)")
    count = struct.unpack_from(order + ("Q" if big else "H"), data, offset)[0]
    head, size = (8, 20) if big else (2, 12)
    check_parts(count, "tags")
    entries: dict[int, Entry] = {}
    for i in range(count):
        at = offset + head + i * size
        tag, kind, values = struct.unpack_from(order + ("HHQ" if big else "HHI"), data, at)
        field = at + (12 if big else 8)
        inline = 8 if big else 4
        if _SIZES.get(kind, 1) * values > inline:
            field = struct.unpack_from(order + ("Q" if big else "I"), data, field)[0]
        entries.setdefault(tag, Entry(kind, values, field, at))
    end = offset + head + count * size
    try:
        following = struct.unpack_from(order + ("Q" if big else "I"), data, end)[0]
    except struct.error:
        following = 0
    return Directory(order, big, offset, entries, following)


def values(data: Bytes, directory: Directory, tag: int) -> tuple[int, ...]:
    """The unsigned whole numbers of a tag; none where it has no such tag, or they lie outside.

    Raises:
        ImageError: there are too many of them.
    """
    entry = directory.entries.get(tag)
    if entry is None or entry.kind not in _CODES:
        return ()
    check_parts(entry.count, "strips or tiles")
    try:
        return struct.unpack_from(f"{directory.order}{entry.count}{_CODES[entry.kind]}", data, entry.at)
    except (struct.error, OverflowError):
        return ()


def value(data: Bytes, directory: Directory, tag: int, default: int = 0) -> int:
    """The first number of a tag, or the default."""
    found = values(data, directory, tag)
    return found[0] if found else default


def blob(data: bytes, directory: Directory, tag: int, limit: int) -> bytes:
    """The bytes of a tag; none where it has no such tag, or more than `limit`."""
    entry = directory.entries.get(tag)
    if entry is None or _SIZES.get(entry.kind, 1) * entry.count > limit:
        return b""
    return data[entry.at : entry.at + _SIZES.get(entry.kind, 1) * entry.count]


def lies_outside(data: bytes, directory: Directory, tags: frozenset[int]) -> bool:
    """Whether values of any of some tags lie where a file has no bytes."""
    found = (directory.entries[tag] for tag in tags & directory.entries.keys())
    return any(e.at + _SIZES.get(e.kind, 1) * e.count > len(data) for e in found)


def pages(data: bytes, directory: Directory) -> int:
    """Number of directories that follow each other, counted to a thousand; a loop ends the count."""
    seen = {directory.offset}
    following = directory.next
    while following and following not in seen and len(seen) < _PAGES:
        seen.add(following)
        try:
            count = struct.unpack_from(directory.order + ("Q" if directory.big else "H"), data, following)[0]
            end = following + directory.head + count * directory.record
            following = struct.unpack_from(directory.order + ("Q" if directory.big else "I"), data, end)[0]
        except (struct.error, OverflowError):
            break
    return len(seen)


def reduced(data: bytes, directory: Directory, keep: frozenset[int]) -> bytes:
    """The same file whose first directory has some of its tags only, and no other follows.

    Pixels stay where they are; what is left out (EXIF, profiles, texts, pages) no decoder gets to see.
    """
    out = bytearray(data)
    kept = [e for tag, e in sorted(directory.entries.items()) if tag in keep]
    start, size = directory.offset + directory.head, directory.record
    records = b"".join(data[e.record : e.record + size] for e in kept)
    out[directory.offset : start] = struct.pack(directory.order + ("Q" if directory.big else "H"), len(kept))
    end = start + len(records)
    tail = 8 if directory.big else 4
    out[start:end] = records
    if len(out) < end + tail:
        out.extend(bytes(end + tail - len(out)))
    out[end : end + tail] = bytes(tail)
    return bytes(out)


def orientation(exif: bytes) -> int | None:
    """What an EXIF block says of orientation, 1 to 8 where it is valid; 0 if it says nothing, None if it is broken."""
    while exif.startswith(b"Exif\0\0"):
        exif = exif[6:]
    if not exif:
        return 0
    try:
        directory = first_directory(exif)
        entry = directory.entries.get(ORIENTATION)
        if entry is None:
            return 0
        found = values(exif, directory, ORIENTATION)
    except ImageError:
        return None
    return found[0] if len(found) == 1 else None


def heaviest_exif(data: bytes) -> int:
    """Bytes that the tags of the heaviest directory found anywhere in some bytes lay claim to.

    Decoders of AVIF and HEIC read an EXIF block themselves, each tag into memory of its own, though all tags may point
    at the same bytes.
    """
    return max((_claimed(memoryview(data)[at:]) for at in _headers(data)), default=0)


def _headers(data: bytes) -> Iterator[int]:
    found = 0
    for mark in (b"II*\0", b"MM\0*"):
        at = data.find(mark)
        while at >= 0 and found < 100:
            found += 1
            yield at
            at = data.find(mark, at + 1)


def _claimed(data: Bytes) -> int:
    try:
        entries = first_directory(data).entries.values()
    except ImageError:
        return 0
    return sum(min(len(data), _SIZES.get(e.kind, 1) * e.count) for e in entries)
