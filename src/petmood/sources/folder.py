"""A folder as a source; images inside its Parquet files count as files too."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from petmood.errors import DataError, ImageError
from petmood.sources.base import Source, walk_sorted
from petmood.sources.crop import cut, part_of
from petmood.sources.parquet import SUFFIX, ImageTable, image_table

_SYSTEM: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""What the system lacks, which says nothing about the file."""


class FolderSource(Source):
    """Files below a folder. Links to folders are not followed, so that a loop cannot trap the walk.

    A Parquet file with a column of images is listed as a folder of them: `train.parquet/000012.jpg`.
    """

    def __init__(self, root: Path, *, name: str = "", only: str = "") -> None:
        """A source of a folder; `only` restricts it to one file in it, `name` replaces the folder's for display."""
        self._root = root
        self._only = only
        self.location = root / only if only else root
        self.name = name or only or root.resolve().name
        self.tables: dict[str, ImageTable] = {}
        self._empty: set[str] = set()
        self._linked: set[str] = set()

    def walk(self) -> Iterator[str]:
        """All file names, sorted; a folder's own are held while it is listed."""
        return walk_sorted(self._entries)

    def _entries(self, folder: str) -> list[str]:
        table = self._table(folder.removesuffix("/"))
        if table is not None:
            return table.members()
        try:
            with os.scandir(self._root / folder) as entries:
                met = [(e.name + "/" if e.is_dir(follow_symlinks=False) else e.name, _loops(e)) for e in entries]
        except OSError as error:
            raise DataError(f"cannot list {error.filename}: {error.strerror}. Check its permissions.") from error
        found = [name for name, linked in met if not linked]
        if not self._only:
            self._linked.update(folder + name for name, linked in met if linked)
        if self._only and not folder:
            found = [self._only]
        if not found:
            self._empty.add(folder.removesuffix("/"))
        return [name + "/" if self._table(folder + name) is not None else name for name in found]

    def empty_folders(self) -> list[str]:
        """See `Source.empty_folders`."""
        return sorted(self._empty - {""})

    def linked_folders(self) -> list[str]:
        """See `Source.linked_folders`."""
        return sorted(self._linked)

    def _table(self, name: str) -> ImageTable | None:
        if not name.lower().endswith(SUFFIX):
            return None
        if name not in self.tables:
            made = image_table(self._root / name)
            if made is None:
                return None
            self.tables[name] = made
        return self.tables[name]

    def read(self, name: str, limit: int) -> bytes:
        """Bytes of one file, or of a part of a picture."""
        name, box = part_of(name)
        data = self._read(name, limit)
        return data if box is None else cut(data, box)

    def _read(self, name: str, limit: int) -> bytes:
        if SUFFIX + "/" in name.lower():
            end = name.lower().index(SUFFIX + "/") + len(SUFFIX)
            table = self._table(name[:end])
            if table is not None:
                return table.read(name[end + 1 :], limit)
        path = self._root / name
        try:
            if not path.is_file():
                raise ImageError("not a regular file (a broken link, a pipe or a device)")
            size = path.stat().st_size
            if size > limit:
                raise ImageError(f"file too large: {size:,} bytes, the limit is {limit:,}")
            return path.read_bytes()
        except OSError as error:
            if error.errno in _SYSTEM:
                raise
            raise ImageError(f"cannot be read ({error.strerror})") from error


def _loops(entry: os.DirEntry[str]) -> bool:
    return entry.is_symlink() and entry.is_dir()
