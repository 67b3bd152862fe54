"""Sketches of a set -> its candidate pairs, with the lists that an earlier search of much the same set has kept.

A list is what one query of a picture found nearest. Whether a query finds a vector depends on the two alone
(`petmood.families.index`), so that lists stay true: vectors that are added are merged in, and only queries that lost
some of what they had found are asked again. The lists are those that a search of the set from scratch makes.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from petmood.cache import ContentCache
from petmood.families.candidates import KINDS, Sketches, far_of, in_order, listed_of, proposed, width_of
from petmood.families.index import DISTANCE, NONE, Grid, Keys, NearestIndex, halves, key_of, on_cores, squared_distances
from petmood.records import IntArray

_POINTERS: Final = 8  # pictures of a set by which it is found again
_MANY: Final = 16  # times as many must be known as are new: else it is quicker to ask all anew
_FEW: Final = 64  # new pictures that are never too many
_BUCKET: Final = 1_024  # pictures whose lists are kept together, about
_ASKED: Final = 1_024  # pictures that look at once: bounds memory; each time, the index reads all that it holds
_ROWS: Final = 2_048  # queries compared with what is new at once

_Digests = NDArray[np.bytes_]


@dataclass(frozen=True)
class _Kept:
    """What is kept of a search.

    Attributes:
        name: under which it is kept, the same from search to search of much the same set.
        stamp: of this very search, which its parts carry as well.
        slot: parts lie in one of two places, lest those that are read be written over.
        buckets: number of parts.
        digests: of the pictures that were shown, sorted.
    """

    name: str
    stamp: bytes
    slot: int
    buckets: int
    digests: _Digests


class KnownCandidates:
    """Candidate pairs among numbered pictures, and what is kept of them for the next search.

    Args:
        digests: of the pictures, sorted, all distinct: their numbers are their places.
        cache: keeps lists: some 3 KiB a picture.
        space: cache namespace; covers everything that sketches and lists depend on.
        read: makes the sketches of all pictures; called when the first query has to be asked.
    """

    def __init__(self, digests: Sequence[str], cache: ContentCache, space: str, read: Callable[[], Sketches]) -> None:
        self._digests: _Digests = np.frombuffer(bytes.fromhex("".join(digests)), dtype="S32")
        self._cache, self._space, self._read = cache, space, read

    @cached_property
    def _sketches(self) -> Sketches:
        return self._read()

    def pairs(self, name: str, shown: IntArray, asked: IntArray) -> IntArray:
        """(n_pairs, 2) int64 of i < j: pairs to be verified, those with most votes first.

        Args:
            name: of this kind of search: other kinds of much the same set keep other lists.
            shown: numbers of the pictures among which candidates are looked for, ascending.
            asked: numbers of those whose candidates are wanted, ascending; all are shown.
        """
        if len(shown) < 2 or not len(asked):
            return np.zeros((0, 2), dtype=np.int64)
        found = [
            proposed(kind, pictures, keys)
            for kind in KINDS
            for pictures, keys in self._lists(f"{name} {kind}", kind, shown, asked)
        ]
        self.__dict__.pop("_sketches", None)  # what follows needs the memory, and the next search few or none of them
        return in_order(len(self._digests), found)

    def _lists(self, name: str, kind: str, shown: IntArray, asked: IntArray) -> Iterator[tuple[IntArray, Keys]]:
        """(pictures, (n, width, listed) keys) of all that are asked, a part at a time; what is new of it is kept."""
        here = self._digests[shown]
        stamp = hashlib.sha256(name.encode() + here.tobytes() + b"asked" + self._digests[asked].tobytes()).digest()
        before = self._kept(name, here)
        kept, old = before, before
        if old is not None:
            added = int((~np.isin(here, old.digests)).sum())
            same_cells = halves(kind, len(old.digests)) == halves(kind, len(here))
            if not same_cells or added > max(_FEW, len(old.digests) // _MANY):
                old = None
        if kept is None or old is None or kept.stamp != stamp:
            buckets = old.buckets if old else max(1, 2 ** round(np.log2(len(here) / _BUCKET)))
            named = before.name if before else stamp.hex()[:32]
            kept = _Kept(named, stamp, 1 - before.slot if before else 0, buckets, here)
        work = _Work(self, kind, shown, old)
        place = np.full(len(self._digests), -1)
        place[shown] = np.arange(len(shown))
        of = _bucket_of(self._digests[asked], kept.buckets)
        for bucket in range(kept.buckets):
            pictures = asked[slice(*np.searchsorted(of, [bucket, bucket + 1]))]
            read = self._part(old, bucket, kind) if old else None
            keys = work.lists(pictures, read)
            if kept is not old and len(pictures):
                places = place[pictures].astype(np.int32).tobytes()
                part = stamp + np.int32(len(pictures)).tobytes() + places + _renumbered(keys, place).tobytes()
                self._cache.put(self._space, f"{kept.name} {kept.slot} {bucket}", part)
            yield pictures, keys
        if kept is not old:
            head = np.array([kept.slot, kept.buckets], dtype=np.int32).tobytes()
            self._cache.put(self._space, f"{kept.name} head", stamp + head + here.tobytes())
            self._cache.put_many(self._space, {key: kept.name.encode() for key in _pointers(name, here)})

    def _kept(self, name: str, here: _Digests) -> _Kept | None:
        """What is kept of the search that shares most of the first pictures with this one."""
        told = Counter(self._cache.get_many(self._space, _pointers(name, here)).values())
        for found, _ in told.most_common(1):
            head = self._cache.get(self._space, f"{found.decode()} head")
            if head is not None:
                slot, buckets = np.frombuffer(head, np.int32, 2, 32).tolist()
                return _Kept(found.decode(), head[:32], slot, buckets, np.frombuffer(head, "S32", -1, 40))
        return None

    def _part(self, old: _Kept, bucket: int, kind: str) -> tuple[IntArray, Keys] | None:
        """Places of pictures among those shown then, and their lists; None if they are lost."""
        part = self._cache.get(self._space, f"{old.name} {old.slot} {bucket}")
        if part is None or part[:32] != old.stamp:
            return None
        n = int(np.frombuffer(part, np.int32, 1, 32)[0])
        places = np.frombuffer(part, np.int32, n, 36).astype(np.int64)
        return places, np.frombuffer(part, np.int64, -1, 36 + 4 * n).reshape(n, width_of(kind), listed_of(kind))


class _Work:
    """Makes lists of one kind among the pictures shown, of those that were made among `old`, as far as they reach."""

    def __init__(self, known: KnownCandidates, kind: str, shown: IntArray, old: _Kept | None) -> None:
        self._known, self._kind, self._shown = known, kind, shown
        self._width, self._listed, self._far = width_of(kind), listed_of(kind), far_of(kind)
        self._grid = Grid(kind, len(shown))
        here = known._digests[shown]
        there = here[:0] if old is None else old.digests
        place = np.minimum(np.searchsorted(here, there), len(here) - 1)
        self._now = np.where(here[place] == there, shown[place], -1)  # numbers of those that were shown then
        self._added = shown[~np.isin(here, there)]

    @cached_property
    def _index(self) -> NearestIndex:
        return NearestIndex(self._grid, self._shown, *self._known._sketches.codes(self._kind, self._shown))

    def lists(self, pictures: IntArray, before: tuple[IntArray, Keys] | None) -> Keys:
        """(n, width, listed) keys of some pictures; `before` are places and lists of some as they were."""
        keys = np.full((len(pictures), self._width, self._listed), NONE, dtype=np.int64)
        stale = np.ones(keys.shape[:2], dtype=np.bool_)
        if before is not None and len(pictures):
            number = self._now[before[0]]
            row = np.minimum(np.searchsorted(pictures, number), len(pictures) - 1)
            there = (pictures[row] == number) & (number >= 0)
            row, old = row[there], before[1][there]
            keys[row] = np.sort(_renumbered(old, self._now), axis=2)
            # a list that was not full had room for whatever was near: it lacks nothing
            stale[row] = (keys[row, :, -1] == NONE) & (old[:, :, -1] != NONE)
            if len(self._added):
                self._merge(pictures, np.sort(row), keys, stale)
        for start in range(0, len(pictures), _ASKED):
            part = slice(start, start + _ASKED)
            if not stale[part].any():
                continue
            some = np.flatnonzero(stale[part].any(axis=1))
            codes, place = self._known._sketches.queries(self._kind, pictures[part][some])
            wanted = stale[part][some].ravel()[place]
            lists = keys[part][some].reshape(-1, self._listed)
            lists[place[wanted]] = self._index.nearest(codes[wanted], self._listed, self._far)
            keys[start + some] = lists.reshape(-1, self._width, self._listed)
        return keys

    @cached_property
    def _new(self) -> tuple[NDArray[np.int8], IntArray, NDArray[np.uint16]]:
        codes, ends = self._known._sketches.codes(self._kind, self._added)
        return codes, np.repeat(self._added, np.diff(ends, prepend=0)), self._grid.cells(codes)

    def _merge(self, pictures: IntArray, rows: IntArray, keys: Keys, stale: NDArray[np.bool_]) -> None:
        """Put what was added into the lists of some rows where it is nearer than what they have."""
        codes, place = self._known._sketches.queries(self._kind, pictures[rows])
        new, owners, cells = self._new
        lists = keys[rows].reshape(-1, self._listed)
        last = np.where(stale[rows].ravel(), -1, lists[:, -1])[place]
        reach = np.where(last == NONE, self._far - 1, last >> DISTANCE).astype(np.float32)[:, None]
        hits = list[tuple[IntArray, Keys]]()

        def some(start: int) -> None:
            part = slice(start, start + _ROWS)
            apart = squared_distances(codes[part], new)
            query, which = np.nonzero(apart <= reach[part])
            if len(query):
                hits.append((query + start, np.stack([which, apart[query, which].astype(np.int64)])))

        on_cores(some, range(0, len(codes), _ROWS))
        if not hits:
            return
        query = np.concatenate([one for one, _ in hits])
        which, apart = np.concatenate([two for _, two in hits], axis=1)
        asking, inverse = np.unique(query, return_inverse=True)
        hit = self._grid.probes(codes[asking])[inverse] == cells[which][:, None]
        looked = hit.any(axis=1)
        row = place[query[looked]]
        key = key_of(apart[looked], hit.argmax(axis=1)[looked], owners[which[looked]], self._far)
        touched = np.unique(row)
        row = np.concatenate([row, np.repeat(touched, self._listed)])
        key = np.concatenate([key, lists[touched].ravel()])
        order = np.lexsort((key, row))
        row, key = row[order], key[order]
        rank = np.arange(len(row)) - np.searchsorted(row, row)
        lists[row[rank < self._listed], rank[rank < self._listed]] = key[rank < self._listed]
        keys[rows] = lists.reshape(-1, self._width, self._listed)


def _renumbered(keys: Keys, numbers: IntArray) -> Keys:
    """Keys of the same lists where each owner has another number; below 0, it is gone."""
    held = keys != NONE
    now = numbers[np.where(held, keys & 0xFFFFFFFF, 0)]
    return np.where(held & (now >= 0), keys >> 32 << 32 | now, NONE)


def _pointers(name: str, here: _Digests) -> list[str]:
    return [f"{name} {digest.hex()}" for digest in here[:_POINTERS].tolist()]


def _bucket_of(digests: _Digests, buckets: int) -> IntArray:
    """By the first two bytes, which sort as the digests do."""
    first = np.frombuffer(digests.tobytes(), ">u2").reshape(len(digests), -1)[:, 0]
    return first.astype(np.int64) * buckets >> 16
