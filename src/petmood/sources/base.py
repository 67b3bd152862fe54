"""What every source of files can do, whatever it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol, Self


class Source(Protocol):
    """A set of named files. Names are POSIX paths relative to the source's root, in sorted order.

    A name may end in a media fragment, `photo.jpg#xywh=10,20,100,80`: it is that part of the picture, as a picture.
    """

    name: str
    location: Path

    def names(self) -> list[str]:
        """All file names, sorted."""
        return list(self.walk())

    def walk(self) -> Iterator[str]:
        """All file names, sorted, none held longer than its folder is listed."""
        ...

    def empty_folders(self) -> list[str]:
        """Folders without anything in them that listing the files has met, as far as the source has such."""
        ...

    def linked_folders(self) -> list[str]:
        """Links to folders that listing the files has met: they are not followed, so that a loop cannot trap it."""
        return []

    def read(self, name: str, limit: int) -> bytes:
        """Bytes of one file; ImageError with the reason if it cannot be read or has more than `limit` bytes."""
        ...

    def close(self) -> None:
        """Release what is open."""
        return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ignored: object) -> None:
        self.close()


def walk_sorted(entries: Callable[[str], list[str]]) -> Iterator[str]:
    """Names of all files, sorted as whole paths though each folder is listed for itself.

    Args:
        entries: gives the names in a folder, "" or a path that ends with "/"; those of folders have a "/" at their end.
    """
    # a stack of its own: folders may lie deeper in each other than functions can call each other
    waiting = [("", iter(sorted(entries(""))))]
    while waiting:
        place, names = waiting[-1]
        name = next(names, None)
        if name is None:
            waiting.pop()
        elif name.endswith("/"):
            waiting.append((place + name, iter(sorted(entries(place + name)))))
        else:
            yield place + name
