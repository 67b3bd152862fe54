"""A path or URL -> a place to read files from, or a folder to write shards to: this machine, S3, GCS, fsspec's."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from petmood.errors import DataError, ImageError, require_extra
from petmood.files import is_record, remove_owned, write_owned
from petmood.sources import open_source, walk_sorted

if TYPE_CHECKING:
    from pyarrow.fs import FileInfo, FileSystem

_UNFINISHED: Final = ".part"


def is_url(place: str) -> bool:
    """Whether a place is a URL rather than a path of this machine."""
    return "://" in place


def absolute(place: str) -> str:
    """A path as every process on the machine finds it; URLs stay."""
    return place if is_url(place) else os.path.realpath(place)


class Files(Protocol):
    """A set of named files, as `petmood.sources.Source` has it, wherever they are."""

    def walk(self) -> Iterator[str]:
        """All file names: POSIX paths relative to the root, sorted; those of a folder are held while it is listed."""
        ...

    def read(self, name: str, limit: int) -> bytes:
        """Bytes of one file; ImageError with the reason if it cannot be read or has more than `limit` bytes."""
        ...

    def close(self) -> None:
        """Release what is open."""
        ...


def open_files(place: str) -> Files:
    """The files of a folder, a .zip or a URL.

    Raises:
        DataError: it does not exist or cannot be reached.
        MissingExtraError: a URL needs the extra `scale`.
    """
    return UrlFiles(place) if is_url(place) else open_source(Path(place))


def _file_system(url: str) -> tuple[FileSystem, str]:
    """Arrow's own file system for a URL where it has one (file, s3, gs, hdfs, abfss), else fsspec's."""
    require_extra(f"reading {url}", "scale", "pyarrow", "fsspec")
    import fsspec
    import pyarrow
    from pyarrow import fs

    try:
        try:
            system, path = fs.FileSystem.from_uri(url)
        except pyarrow.ArrowInvalid:  # a scheme that Arrow does not know
            inner, path = fsspec.core.url_to_fs(url)
            system = fs.PyFileSystem(fs.FSSpecHandler(inner))
    except (OSError, ValueError, ImportError) as error:
        raise DataError(f"cannot reach {url}: {error}. Check the address and its credentials.") from error
    return system, path.rstrip("/")


def _listing(system: FileSystem, root: str, url: str) -> list[FileInfo]:
    from pyarrow import fs

    try:
        return list(system.get_file_info(fs.FileSelector(root)))
    except OSError as error:
        raise DataError(f"cannot list {url}: {error}. Check the address.") from error


class UrlFiles:
    """Files below a URL, e.g. s3://bucket/pets or memory://pets."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._system, self._root = _file_system(url)

    def walk(self) -> Iterator[str]:
        """All file names, sorted."""
        return walk_sorted(self._entries)

    def _entries(self, folder: str) -> list[str]:
        from pyarrow.fs import FileType

        found = _listing(self._system, f"{self._root}/{folder}".rstrip("/"), self._url)
        ends = {FileType.File: "", FileType.Directory: "/"}
        return [info.base_name + ends[info.type] for info in found if info.type in ends]

    def read(self, name: str, limit: int) -> bytes:
        """Bytes of one file."""
        try:
            with self._system.open_input_stream(f"{self._root}/{name}") as stream:
                data: bytes = stream.read(limit + 1)
        except OSError as error:
            raise ImageError(f"cannot be read ({error})") from error
        if len(data) > limit:
            raise ImageError(f"file too large: the limit is {limit:,} bytes")
        return data

    def close(self) -> None:
        """Nothing is held open."""


class OutFolder(Protocol):
    """A folder of small files that are written whole or not at all."""

    def names(self) -> list[str]:
        """File names in the folder itself, sorted; none where the folder does not exist."""
        ...

    def read(self, name: str) -> bytes:
        """Bytes of one file; DataError if it is not there."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Write one file atomically."""
        ...

    def remove(self, name: str) -> None:
        """Remove one file; no error if it is not there."""
        ...


def open_folder(place: str) -> OutFolder:
    """A folder on this machine or below a URL.

    Raises:
        DataError: it cannot be reached.
        MissingExtraError: a URL needs the extra `scale`.
    """
    return _UrlFolder(place) if is_url(place) else _LocalFolder(Path(place))


class _LocalFolder:
    def __init__(self, root: Path) -> None:
        self._root = root

    def names(self) -> list[str]:
        if not self._root.is_dir():
            return []
        return sorted(path.name for path in self._root.iterdir() if path.is_file() and not is_record(path.name))

    def read(self, name: str) -> bytes:
        try:
            return (self._root / name).read_bytes()
        except OSError as error:
            raise DataError(f"cannot read {self._root / name}: {error.strerror}. Check the path.") from error

    def write(self, name: str, data: bytes) -> None:
        try:
            write_owned(self._root, name, data)
        except OSError as error:
            raise DataError(f"cannot write to {self._root}: {error.strerror}. Free space or choose another.") from error

    def remove(self, name: str) -> None:
        remove_owned(self._root, name)


class _UrlFolder:
    def __init__(self, url: str) -> None:
        self._url = url
        self._system, self._root = _file_system(url)

    def names(self) -> list[str]:
        from pyarrow import fs

        if self._system.get_file_info(self._root).type == fs.FileType.NotFound:
            return []
        found = _listing(self._system, self._root, self._url)
        return sorted(info.base_name for info in found if info.is_file)

    def read(self, name: str) -> bytes:
        try:
            with self._system.open_input_stream(f"{self._root}/{name}") as stream:
                data: bytes = stream.read()
        except OSError as error:
            raise DataError(f"cannot read {self._url}/{name}: {error}. Check the address.") from error
        return data

    def write(self, name: str, data: bytes) -> None:
        temporary = f"{self._root}/.{name}.{secrets.token_hex(6)}{_UNFINISHED}"
        try:
            self._system.create_dir(self._root, recursive=True)
            with self._system.open_output_stream(temporary) as stream:
                stream.write(data)
            self._system.move(temporary, f"{self._root}/{name}")
        except OSError as error:
            raise DataError(f"cannot write to {self._url}: {error}. Check the address and its permissions.") from error

    def remove(self, name: str) -> None:
        if name in self.names():
            self._system.delete_file(f"{self._root}/{name}")


def unfinished(names: list[str]) -> list[str]:
    """Those of a folder's files that a killed process left half written."""
    return [name for name in names if name.startswith(".") and name.endswith(_UNFINISHED)]
