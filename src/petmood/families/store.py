"""Local features of pictures, on disk by content: found once, and read a few at a time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from petmood.cache import ContentCache
from petmood.families.candidates import VOTERS, Sketch, sketch
from petmood.families.index import DIM, version
from petmood.families.local import LocalFeatures, find_local_features, namespace
from petmood.families.workers import workers
from petmood.pictures import Pictures
from petmood.progress import Tick, silent
from petmood.records import ImageRecord
from petmood.threads import in_streams, one_opencv_thread

_HEAD: Final = 3
_HELD: Final = 1_024  # pictures held in memory: some 130 MiB


class LocalStore:
    """Keeps local features in the content cache by the digest of their file.

    Pictures whose features are known are not looked at again, and what is found is kept as it comes, so that a cut-off
    call resumes.
    """

    def __init__(self, cache: ContentCache) -> None:
        self._cache = cache
        self._space = namespace()
        self._sketches = f"{self._space}/sketch/{VOTERS}/{version()}"

    def fill(self, records: Sequence[ImageRecord], pictures: Pictures, progress: Tick = silent) -> None:
        """Find the features of records that are not known yet.

        Args:
            records: images; those with equal bytes are looked at once.
            pictures: reads them.
            progress: called with (images done, images to do).
        """
        by_digest = {record.sha256: record for record in reversed(records)}
        todo = [by_digest[sha] for sha in self.missing(list(by_digest))]
        done = len(by_digest) - len(todo)
        progress(done, len(by_digest))

        def look(some: Sequence[ImageRecord]) -> dict[str, LocalFeatures]:
            # other sketches of the same features need no picture
            known = self.get_many([record.sha256 for record in some])
            return {r.sha256: known.get(r.sha256) or find_local_features(pictures.picture(r)) for r in some}

        # pictures of several data sets in one are read here alone
        elsewhere = workers() if type(pictures) is Pictures else None
        with (
            one_opencv_thread(),
            self._cache.writer(self._sketches) as put_sketches,
            self._cache.writer(self._space) as put,
        ):
            for part, found in elsewhere.describe(todo, pictures) if elsewhere else in_streams(todo, look):
                put({sha: pack_features(one) for sha, one in found.items()})
                put_sketches({sha: _pack_sketch(sketch(one)) for sha, one in found.items()})
                done += len(part)
                progress(done, len(by_digest))

    def missing(self, digests: Sequence[str]) -> list[str]:
        """Those that have no features yet, each once, in order."""
        known = self._cache.known(self._sketches, digests)
        return [sha for sha in dict.fromkeys(digests) if sha not in known]

    def get_many(self, digests: Sequence[str]) -> dict[str, LocalFeatures]:
        """Features of those that are known."""
        return {sha: unpack_features(value) for sha, value in self._cache.get_many(self._space, digests).items()}

    def sketches(self, digests: Sequence[str]) -> dict[str, Sketch]:
        """Sketches of those that are known."""
        kept = self._cache.get_many(self._sketches, digests)
        return {sha: _unpack_sketch(value) for sha, value in kept.items()}


def local_features(
    records: Sequence[ImageRecord], pictures: Pictures, cache: ContentCache, progress: Tick = silent
) -> Iterator[LocalFeatures]:
    """Local features of each record, in order, read as they are asked for; args as for `LocalStore.fill`."""
    store = LocalStore(cache)
    store.fill(records, pictures, progress)
    for start in range(0, len(records), _HELD):
        part = records[start : start + _HELD]
        known = store.get_many([record.sha256 for record in part])
        for record in part:
            # a cache that keeps nothing, for want of a disk that can be written to, costs a second look
            yield known[record.sha256] if record.sha256 in known else find_local_features(pictures.picture(record))


class Shelf:
    """Features of numbered pictures, read from a store as they are needed; the last ones read are held.

    Args:
        digests: one a picture, all distinct.
        store: where their features are.
        again: finds the features of pictures by their digests anew, should the cache have lost them.
    """

    def __init__(
        self, digests: Sequence[str], store: LocalStore, again: Callable[[Sequence[str]], Mapping[str, LocalFeatures]]
    ) -> None:
        self._digests = digests
        self._store = store
        self._again = again
        self._held: OrderedDict[int, LocalFeatures] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._digests)

    def parts(self, size: int = 1_024) -> Iterator[Sequence[Sketch]]:
        """Sketches of all pictures in order, `size` at a time."""
        for start in range(0, len(self), size):
            yield self.sketches(range(start, min(start + size, len(self))))

    def sketches(self, numbers: Sequence[int]) -> list[Sketch]:
        """Sketches of some pictures."""
        wanted = [self._digests[i] for i in numbers]
        known = self._store.sketches(wanted)
        lost = [sha for sha in wanted if sha not in known]
        if lost:
            known.update((sha, sketch(found)) for sha, found in self._again(lost).items())
        return [known[sha] for sha in wanted]

    def load(self, numbers: Iterable[int]) -> dict[int, LocalFeatures]:
        """Features of some pictures by number."""
        wanted = dict.fromkeys(numbers)
        with self._lock:
            found = {i: self._held[i] for i in wanted if i in self._held}
            todo = [i for i in wanted if i not in found]
            known = self._store.get_many([self._digests[i] for i in todo])
            lost = [self._digests[i] for i in todo if self._digests[i] not in known]
            if lost:
                known.update(self._again(lost))
            found.update((i, known[self._digests[i]]) for i in todo)
            self._held.update(found)
            while len(self._held) > _HELD:
                self._held.popitem(last=False)
        return found


def pack_features(found: LocalFeatures) -> bytes:
    """Local features as bytes: some 36 KB."""
    head = np.array([len(found.points), found.width, found.height], dtype=np.int32)
    parts = (head, found.points, found.descriptors, np.ascontiguousarray(found.grey))
    return b"".join(part.tobytes() for part in parts)


def unpack_features(value: bytes) -> LocalFeatures:
    """What `pack_features` made bytes of."""
    n, width, height = np.frombuffer(value, np.int32, _HEAD).tolist()
    at = 4 * _HEAD
    points = np.frombuffer(value, np.float32, 4 * n, at).reshape(n, 4)
    descriptors = np.frombuffer(value, np.uint8, 128 * n, at + 16 * n).reshape(n, 128)
    grey = np.frombuffer(value, np.uint8, height * width, at + 144 * n).reshape(height, width)
    return LocalFeatures(points, descriptors, grey, width, height)


def _pack_sketch(one: Sketch) -> bytes:
    return bytes([one.textured]) + one.thumbnail.tobytes() + one.voters.tobytes()


def _unpack_sketch(value: bytes) -> Sketch:
    thumbnail = np.frombuffer(value, np.int8, DIM, 1).reshape(8, 8)
    return Sketch(np.frombuffer(value, np.int8, -1, 1 + DIM).reshape(-1, DIM), thumbnail, bool(value[0]))
