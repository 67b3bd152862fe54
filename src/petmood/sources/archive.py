"""A zip archive as a source: read in place, safely, whatever program wrote its names."""

from __future__ import annotations

import lzma
import threading
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from petmood.errors import DataError, ImageError
from petmood.sources.base import Source
from petmood.sources.crop import cut, part_of
from petmood.sources.encodings import decode_names, look_misread

MAX_MEMBERS = 5_000_000
MAX_RATIO = 500
"""A member that inflates to more than this many times its stored size is taken for a bomb (photos hardly compress)."""

DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    ValueError,  # a name that is not UTF-8 among them
    EOFError,
    NotImplementedError,
    RuntimeError,
    OSError,
)
"""What a damaged archive or member raises, by any of the ways in which members are packed."""

_UTF8 = 0x800
"""Flag of a member whose name is said to be UTF-8."""


class ZipSource(Source):
    """Members of a zip archive, read in place: nothing is unpacked to disk, so no path can escape."""

    def __init__(self, path: Path, encoding: str | None = None) -> None:
        """Open an archive; `encoding` is that of names for which it does not say one."""
        self.location = path
        self.name = path.name
        self._lock = threading.Lock()
        try:
            self._zip = zipfile.ZipFile(path)
            members = self._zip.infolist()
        except OSError as error:
            raise DataError(f"cannot open {path}: {error.strerror}. Check the path and its permissions.") from error
        except DAMAGE as error:
            raise DataError(
                f"{path} is not a readable zip archive ({error}). It may be truncated: download or copy it again."
            ) from error
        if len(members) > MAX_MEMBERS:
            raise DataError(f"{path} has {len(members):,} members; the limit is {MAX_MEMBERS:,}. Split the archive.")
        names, self.warning = _names(members, encoding, self.name)
        # a name that stands twice means its last member, as for unzip
        self._members = {
            name: info for name, info in zip(names, members, strict=True) if name and not name.endswith("/")
        }
        self._folders = {name.rstrip("/") for name in names if name.endswith("/")} - {""}

    def walk(self) -> Iterator[str]:
        """All member names, sorted; the archive's table of contents is in memory anyway."""
        return iter(sorted(self._members))

    def empty_folders(self) -> list[str]:
        """See `Source.empty_folders`; an archive lists them or not."""
        return sorted(self._folders - {str(p) for name in self._members for p in PurePosixPath(name).parents})

    def read(self, name: str, limit: int) -> bytes:
        """Bytes of one member, or of a part of a picture; bombs, encrypted and damaged members raise ImageError."""
        name, box = part_of(name)
        data = self._read(name, limit)
        return data if box is None else cut(data, box)

    def _read(self, name: str, limit: int) -> bytes:
        info = self._members[name]
        pure = PurePosixPath(name.replace("\\", "/"))
        if pure.is_absolute() or ".." in pure.parts or (pure.parts and pure.parts[0].endswith(":")):
            raise ImageError("unsafe path in the archive (it points outside)")
        if info.flag_bits & 0x1:
            raise ImageError("encrypted member")
        if info.file_size > limit:
            raise ImageError(f"file too large: {info.file_size:,} bytes, the limit is {limit:,}")
        if info.file_size > MAX_RATIO * max(info.compress_size, 1):
            raise ImageError("compressed beyond belief: taken for a zip bomb")
        try:
            with self._lock, self._zip.open(info) as handle:
                data = handle.read(limit + 1)
        except DAMAGE as error:
            raise ImageError(f"damaged member ({error})") from error
        if len(data) > limit:
            raise ImageError(f"inflates to more than the limit of {limit:,} bytes")
        return data

    def close(self) -> None:
        """Close the archive."""
        self._zip.close()


def _names(members: list[zipfile.ZipInfo], encoding: str | None, where: str) -> tuple[list[str], str]:
    """Names of members with forward slashes, and a warning of what was guessed about their encoding."""
    names = [info.filename for info in members]
    marked = not look_misread(info.filename for info in members if info.flag_bits & _UTF8)
    untold = []
    for i, info in enumerate(members):
        if not (info.flag_bits & _UTF8 and marked) and not info.filename.isascii():
            try:
                untold.append((i, info.filename.encode("cp437")))
            except UnicodeEncodeError:  # the name was told after all, by its mark or by an extra field
                continue
    warning = ""
    if untold:
        found, warning = decode_names([raw for _, raw in untold], encoding, where)
        for (i, _), name in zip(untold, found, strict=True):
            names[i] = name
    # the format has forward slashes only; some programs of Windows write the others
    return [name.replace("\\", "/") for name in names], warning
