"""The one way to the pictures of a data set: bytes are those that were digested, and each picture is decoded once.

`Pictures` reads and decodes, `map_images` runs a computation over images through the cache. Whatever reads pixels for
whatever purpose goes through them, so that a file that changes meanwhile is told of and poisons nothing.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from petmood import images
from petmood.cache import ContentCache
from petmood.errors import DataError, ImageError
from petmood.progress import Tick, silent
from petmood.records import ImageRecord
from petmood.sources import Source
from petmood.threads import BATCH, in_streams

MEMORY: Final = 256 * 2**20
"""Bytes of decoded pictures that are kept for whoever reads them next."""

Work = Callable[[Sequence[ImageRecord]], Sequence[bytes]]
"""Some records -> what the cache is to hold of each."""


class Pictures:
    """Files of a source by their records, read and decoded for every purpose; safe in threads.

    A picture is decoded once and kept, as long as the latest ones fit into `memory` bytes.
    """

    def __init__(self, source: Source, memory: int = MEMORY) -> None:
        self.source = source
        self._memory = memory
        self._kept: OrderedDict[str, Image.Image] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def read(self, record: ImageRecord) -> bytes:
        """A file's bytes, which are those that its record was made from.

        Raises:
            DataError: the file vanished, cannot be read, or is another one by now.
        """
        try:
            data = self.source.read(record.path, images.MAX_FILE_BYTES)
        except (ImageError, KeyError) as error:
            raise DataError(
                f"{record.path} could be read at first and cannot be read now ({error}). Leave the data as it is while "
                "petmood works on it, then run the command again; nothing of this file was kept."
            ) from error
        if hashlib.sha256(data).hexdigest() != record.sha256:
            raise DataError(
                f"{record.path} changed after it was first read. Leave the data as it is while petmood works on it, "
                "then run the command again; nothing of this file was kept."
            )
        return data

    def picture(self, record: ImageRecord, at_least: int = images.CANONICAL) -> Image.Image:
        """Upright RGB; not to be changed, since others read the same one.

        Args:
            record: which.
            at_least: sides in pixels to which the caller will shrink it at most; see `images.open_rgb`.

        Raises:
            DataError: the file is not what it was.
        """
        if at_least > images.CANONICAL:
            return images.open_rgb(self.read(record), at_least=at_least)
        with self._lock:
            if (known := self._kept.get(record.sha256)) is not None:
                self._kept.move_to_end(record.sha256)
                return known
        made = images.open_rgb(self.read(record), at_least=images.CANONICAL)
        self._keep(record.sha256, made)
        return made

    def _keep(self, sha: str, made: Image.Image) -> None:
        with self._lock:
            if sha in self._kept or _weight(made) > self._memory:
                return
            self._kept[sha] = made
            self._size += _weight(made)
            self._let_go()

    def keep_at_most(self, memory: int) -> None:
        """Keep only so many bytes of decoded pictures from now on."""
        with self._lock:
            self._memory = memory
            self._let_go()

    def _let_go(self) -> None:
        while self._size > self._memory:
            _, gone = self._kept.popitem(last=False)
            self._size -= _weight(gone)

    def pixels(self, records: Sequence[ImageRecord], size: int) -> NDArray[np.uint8]:
        """(len(records), size, size, 3) uint8 RGB, one after the other in the caller's thread."""
        found = np.empty((len(records), size, size, 3), dtype=np.uint8)
        for row, record in enumerate(records):
            found[row] = images.resize(self.picture(record, size), size)
        return found

    def in_threads(self, records: Sequence[ImageRecord], size: int) -> NDArray[np.uint8]:
        """(len(records), size, size, 3) uint8 RGB, one thread per core."""
        chosen = list(records)
        found = np.empty((len(chosen), size, size, 3), dtype=np.uint8)
        done = 0
        for part, made in in_streams(chosen, lambda some: self.pixels(some, size)):
            found[done : done + len(part)] = made
            done += len(part)
        return found

    def thumbnail(self, record: ImageRecord, size: int) -> bytes:
        """JPEG bytes of a square-cropped thumbnail."""
        return images.to_thumbnail(self.picture(record, size), size)

    def close(self) -> None:
        """Forget what was decoded, and close the source."""
        with self._lock:
            self._kept.clear()
            self._size = 0
        self.source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ignored: object) -> None:
        self.close()


class JoinedPictures(Pictures):
    """The pictures of several data sets as those of one: the files of data set i are named i/..."""

    def __init__(self, parts: Sequence[Pictures]) -> None:
        super().__init__(parts[0].source)
        self._parts = tuple(parts)

    def read(self, record: ImageRecord) -> bytes:
        """See `Pictures.read`."""
        number, _, path = record.path.partition("/")
        return self._parts[int(number)].read(replace(record, path=path))


def _weight(picture: Image.Image) -> int:
    # Pillow holds four bytes a pixel of RGB
    return 4 * picture.width * picture.height


def map_images(
    records: Sequence[ImageRecord],
    cache: ContentCache,
    namespace: str,
    opened: Callable[[], Work],
    progress: Tick = silent,
    *,
    batch: int = BATCH,
) -> dict[str, bytes]:
    """SHA-256 -> value of each image: from the cache what it knows, the rest computed and kept there as it comes.

    Images with equal bytes are looked at once; an interrupted call resumes where it stopped.

    Args:
        records: which images.
        cache: where values are kept by content.
        namespace: covers every cause of a value but the image's bytes.
        opened: called once if there is anything to compute; what it gives is called in several threads at once.
        progress: called with (images done, images to do).
        batch: images that are computed together.

    Raises:
        DataError: a file is not what it was when its record was made.
    """
    first: dict[str, ImageRecord] = {}
    for record in records:
        first.setdefault(record.sha256, record)
    known = cache.get_many(namespace, list(first))
    todo = [record for sha, record in first.items() if sha not in known]
    done = len(first) - len(todo)
    progress(done, len(first))
    if todo:
        work = opened()
        with cache.writer(namespace) as put:
            for part, values in in_streams(todo, work, batch):
                rows = {record.sha256: value for record, value in zip(part, values, strict=True)}
                put(rows)
                known.update(rows)
                done += len(part)
                progress(done, len(first))
    return known
