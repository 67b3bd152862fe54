"""Where files come from: a folder or a zip archive read in place -> names and bytes, safely."""

from __future__ import annotations

import os
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Protocol, Self

from petmood.errors import DataError, ImageError

MAX_MEMBERS = 5_000_000
MAX_RATIO = 500
"""A member that inflates to more than this many times its stored size is taken for a bomb (photos hardly compress)."""


class Source(Protocol):
    """A set of named files. Names are POSIX paths relative to the source's root, in sorted order."""

    name: str
    location: Path

    def names(self) -> list[str]:
        """All file names, sorted."""
        ...

    def walk(self) -> Iterator[str]:
        """All file names, sorted, none held longer than its folder is listed."""
        ...

    def read(self, name: str, limit: int) -> bytes:
        """Bytes of one file; ImageError with the reason if it cannot be read or has more than `limit` bytes."""
        ...

    def close(self) -> None:
        """Release what is open."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class FolderSource:
    """Files below a folder. Links to folders are not followed, so that a loop cannot trap the walk."""

    def __init__(self, root: Path) -> None:
        self.location = root
        self.name = root.resolve().name

    def names(self) -> list[str]:
        """All file names, sorted."""
        return list(self.walk())

    def walk(self) -> Iterator[str]:
        """All file names, sorted; a folder's own are held while it is listed."""
        return walk_sorted(self._entries)

    def _entries(self, folder: str) -> list[str]:
        try:
            with os.scandir(self.location / folder) as entries:
                found = [e.name + "/" if e.is_dir(follow_symlinks=False) else e.name for e in entries if not _loops(e)]
        except OSError as error:
            raise DataError(f"cannot list {error.filename}: {error.strerror}. Check its permissions.") from error
        return found

    def read(self, name: str, limit: int) -> bytes:
        """Bytes of one file."""
        path = self.location / name
        try:
            if not path.is_file():
                raise ImageError("not a regular file (a broken link, a pipe or a device)")
            size = path.stat().st_size
            if size > limit:
                raise ImageError(f"file too large: {size:,} bytes, the limit is {limit:,}")
            return path.read_bytes()
        except OSError as error:
            raise ImageError(f"cannot be read ({error.strerror})") from error

    def close(self) -> None:
        """Nothing is held open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _loops(entry: os.DirEntry[str]) -> bool:
    return entry.is_symlink() and entry.is_dir()


def walk_sorted(entries: Callable[[str], list[str]], folder: str = "") -> Iterator[str]:
    """Names of all files below a folder, sorted as whole paths though each folder is listed for itself.

    Args:
        entries: gives the names in a folder, those of folders with a "/" at their end.
        folder: where to begin: "" or a path that ends with "/".
    """
    for name in sorted(entries(folder)):
        if name.endswith("/"):
            yield from walk_sorted(entries, folder + name)
        else:
            yield folder + name


class ZipSource:
    """Members of a zip archive, read in place: nothing is unpacked to disk, so no path can escape."""

    def __init__(self, path: Path) -> None:
        self.location = path
        self.name = path.name
        self._lock = threading.Lock()
        try:
            self._zip = zipfile.ZipFile(path)
            members = self._zip.infolist()
        except (zipfile.BadZipFile, zlib.error, ValueError, NotImplementedError, EOFError) as error:
            raise DataError(
                f"{path} is not a readable zip archive ({error}). It may be truncated: download or copy it again."
            ) from error
        except OSError as error:
            raise DataError(f"cannot open {path}: {error.strerror}. Check the path and its permissions.") from error
        if len(members) > MAX_MEMBERS:
            raise DataError(f"{path} has {len(members):,} members; the limit is {MAX_MEMBERS:,}. Split the archive.")
        # a name that stands twice means its last member, as for unzip
        self._members = {info.filename: info for info in members if not info.is_dir()}

    def names(self) -> list[str]:
        """All member names, sorted."""
        return sorted(self._members)

    def walk(self) -> Iterator[str]:
        """All member names, sorted; the archive's table of contents is in memory anyway."""
        return iter(self.names())

    def read(self, name: str, limit: int) -> bytes:
        """Bytes of one member; bombs, encrypted and damaged members raise ImageError."""
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
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
            raise ImageError(f"damaged member ({error})") from error
        if len(data) > limit:
            raise ImageError(f"inflates to more than the limit of {limit:,} bytes")
        return data

    def close(self) -> None:
        """Close the archive."""
        self._zip.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_source(path: Path) -> Source:
    """A source for a folder or a .zip file.

    Raises:
        DataError: the path is missing, or is neither a folder nor a zip archive.
    """
    if path.is_dir():
        return FolderSource(path)
    if path.is_file():
        if path.suffix.lower() == ".zip" or zipfile.is_zipfile(path):
            return ZipSource(path)
        raise DataError(f"{path} is neither a folder nor a .zip archive. Give the folder that holds the class folders.")
    raise DataError(f"{path} does not exist. Give a folder of class folders or a .zip archive of one.")
