"""Images -> links between those that show one photo, found in their pixels alone and kept by content."""

from __future__ import annotations

import json
from array import array
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import islice
from typing import Any, Final

import numpy as np

from petmood.cache import ContentCache, numbers_in
from petmood.families import candidates
from petmood.families.candidates import PER_IMAGE, VOTERS, Sketches
from petmood.families.geometry import MIN_INLIERS
from petmood.families.index import version
from petmood.families.known import KnownCandidates
from petmood.families.local import LocalFeatures, find_local_features, namespace
from petmood.families.store import LocalStore, Shelf
from petmood.families.verify import NOTHING, Verdict, on_all_cores, rules, verify_all
from petmood.families.workers import workers
from petmood.pictures import Pictures
from petmood.progress import Tick, silent
from petmood.records import ImageRecord, IntArray

STRONG_INLIERS: Final = 12
STRONG_AGREEMENT: Final = 0.85
STRONG_EXACT: Final = 0.4
STRONG_PRINTED: Final = 0.95
STRONG_PRINTED_INLIERS: Final = 20
STRONG_PIXELS: Final = 0.95
STRONG_WHOLE, STRONG_WHOLE_INLIERS, STRONG_WHOLE_LIKENESS = 0.8, 16, 0.85
STRONG_MANY, STRONG_MANY_LIKENESS = 24, 0.7
"""From here on one link joins two families by itself; below, other pairs across them must confirm it."""

ALIKE_INLIERS: Final = 12
ALIKE_LIKENESS: Final = 0.3
"""From here on two pictures that are not one photo are told of as much alike: one animal twice, or one scene."""

_VERSION: Final = 5
_ROUNDS: Final = 4
_WITNESSES: Final = 8  # further pairs looked at to confirm a weak link
_CONFIRMED: Final = 2  # of them that must say the same
_CROWDED: Final = 3  # copies of a photo from which they may crowd its other relatives out of its candidates
_PAIRS: Final = 128  # verified together
_LISTED: Final = 4_096  # candidates in memory as pairs


@dataclass(frozen=True, slots=True)
class Link:
    """Two files by their digests, `first` < `second`, and how well one picture lies on the other."""

    first: str
    second: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class PixelLinks:
    """What pixels say of a set of files.

    Attributes:
        same: pairs that show one photo. Whatever they connect is one family; pairs that others connect may be left out.
        alike: pairs of different photos of much the same: the same animal again, or the next moment. They join nothing.
    """

    same: tuple[Link, ...]
    alike: tuple[Link, ...]


def find_links(
    records: Sequence[ImageRecord], pictures: Pictures, cache: ContentCache, progress: Tick = silent
) -> PixelLinks:
    """Find which files show one photo: cropped, turned, mirrored, relit, covered in part, or a tile of another.

    Time grows with the number of images, and memory by some 5 KiB an image: features stay on disk. Images that were
    seen before, in this set or another, are not looked at again, nor are pairs of them. The same files give the same
    links, whatever their names and order.

    Args:
        records: images; names, classes and splits are not looked at.
        pictures: reads them.
        cache: keeps local features by image, verdicts by pair and links by set.
        progress: called with (images looked at, images).
    """
    by_digest = {record.sha256: record for record in records}
    digests = sorted(by_digest)
    store = LocalStore(cache)

    def again(lost: Sequence[str]) -> Mapping[str, LocalFeatures]:
        return {sha: find_local_features(pictures.picture(by_digest[sha])) for sha in lost}

    def make() -> dict[str, Any]:
        store.fill([by_digest[sha] for sha in digests], pictures, progress)
        found = links_from(digests, Shelf(digests, store, again), cache)
        return {
            name: [[link.first, link.second, asdict(link.verdict)] for link in links]
            for name, links in (("same", found.same), ("alike", found.alike))
        }

    numbers = [*numbers_in(globals()), *numbers_in(vars(candidates)), *rules()]
    causes = [namespace(), version(), numbers, digests]
    kept = cache.remember(f"links/v{_VERSION}", causes, make)
    same, alike = (tuple(Link(a, b, Verdict(**v)) for a, b, v in kept[name]) for name in ("same", "alike"))
    return PixelLinks(same, alike)


def links_from(digests: Sequence[str], shelf: Shelf, cache: ContentCache) -> PixelLinks:
    """Links between pictures whose features are known: nothing is decoded.

    Args:
        digests: sorted, all distinct.
        shelf: their features.
        cache: keeps verdicts by pair, so that a picture that is added costs its own pairs alone.
    """
    search = _Search(digests, shelf, cache)
    search.run()
    same, alike = (
        tuple(Link(digests[i], digests[j], verdict) for (i, j), verdict in sorted(links.items()))
        for links in (search.same, search.alike)
    )
    return PixelLinks(same, alike)


class _Search:
    """Candidates of all pictures, then of one picture for each family found, until nothing more is joined.

    In later rounds the copies of a photo no longer crowd its other relatives out of the candidates.
    """

    def __init__(self, digests: Sequence[str], shelf: Shelf, cache: ContentCache) -> None:
        self._digests = digests
        self._shelf = shelf
        self._cache = cache
        self._space = f"verdicts/v{_VERSION}/{json.dumps(rules())}/{namespace()}"
        space = f"candidates/v{_VERSION}/{version()}/{PER_IMAGE}/{VOTERS}/{namespace()}"
        self._candidates = KnownCandidates(digests, cache, space, lambda: Sketches(len(shelf), shelf.parts()))
        self._verdicts: dict[tuple[int, int], Verdict] = {}
        self._root = array("i", range(len(digests)))
        self._members: dict[int, list[int]] = {}  # of families of two and more
        self._joins = 0
        self.same: dict[tuple[int, int], Verdict] = {}
        self.alike: dict[tuple[int, int], Verdict] = {}

    def run(self) -> None:
        """Fill `same` and `alike`."""
        shown = np.arange(len(self._digests))
        asked = shown
        with on_all_cores() as self._pool:
            for number in range(_ROUNDS):
                joined = self._round(self._candidates.pairs(f"round {number}", shown, asked))
                shown = np.unique(self._root).astype(np.int64)
                asked = np.array(
                    sorted(i for i, members in self._members.items() if len(members) > _CROWDED), dtype=np.int64
                )
                if not joined or not len(asked):
                    break
        self.alike = {
            pair: verdict
            for pair, verdict in self._verdicts.items()
            if self._root[pair[0]] != self._root[pair[1]] and _alike(verdict)
        }

    def _round(self, found: IntArray) -> bool:
        """Look at some candidates; True if anything was joined."""
        joins, weak = self._joins, list[tuple[int, int]]()
        # as objects of Python, all pairs together would take more memory than the index
        parts = (found[start : start + _LISTED].tolist() for start in range(0, len(found), _LISTED))
        likeliest, later = ((i, j) for part in parts for i, j in part), deque[tuple[int, int]]()
        while part := self._needed(likeliest, later):
            for pair in self._look(part):
                if not _strong(self._verdicts[pair]):
                    weak.append(pair)
                    continue
                self.same[pair] = self._verdicts[pair]
                self._join(*pair)
        # weak links last, so that they find whole families to be confirmed by
        for pair in sorted(weak, key=lambda pair: (-self._verdicts[pair].agreement, pair)):
            a, b = self._root[pair[0]], self._root[pair[1]]
            if a == b or self._confirmed(pair, a, b):
                self.same[pair] = self._verdicts[pair]
                self._join(a, b)
        return self._joins > joins

    def _needed(self, likeliest: Iterator[tuple[int, int]], waiting: deque[tuple[int, int]]) -> list[tuple[int, int]]:
        """Takes the likeliest pairs, none of which would be needless if the others showed one photo.

        Those that would be are put among the `waiting`, which come first the next time.
        """
        part, later = list[tuple[int, int]](), list[tuple[int, int]]()
        root: dict[int, int] = {}  # families as they would be if all of `part` showed one photo

        def find(i: int) -> int:
            i = self._root[i]
            while i in root:
                i = root[i]
            return i

        while len(part) < _PAIRS and len(later) < _PAIRS:
            pair = waiting.popleft() if waiting else next(likeliest, None)
            if pair is None:
                break
            if self._root[pair[0]] == self._root[pair[1]]:
                continue
            a, b = find(pair[0]), find(pair[1])
            if a == b:
                later.append(pair)
            else:
                root[b] = a
                part.append(pair)
        waiting.extendleft(reversed(later))
        return part

    def _look(self, pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Verify pairs that were not yet; gives back those that are the same photo."""
        ordered = [(min(pair), max(pair)) for pair in pairs]
        fresh = [pair for pair in ordered if pair not in self._verdicts]
        for part, verdicts in self._verified(fresh):
            # most say nothing, and are in the cache should they be asked for again
            self._verdicts |= {p: v for p, v in zip(part, verdicts, strict=True) if v.same_photo or _alike(v)}
        return [pair for pair in ordered if pair in self._verdicts and self._verdicts[pair].same_photo]

    def _verified(self, pairs: list[tuple[int, int]]) -> Iterator[tuple[list[tuple[int, int]], list[Verdict]]]:
        """Verdicts on pairs, a part at a time: known ones from the cache."""
        for start in range(0, len(pairs), _PAIRS):
            part = pairs[start : start + _PAIRS]
            keys = [f"{self._digests[i]} {self._digests[j]}" for i, j in part]
            known = {key: _read(value) for key, value in self._cache.get_many(self._space, keys).items()}
            todo = [(pair, key) for pair, key in zip(part, keys, strict=True) if key not in known]
            if todo:
                held = self._shelf.load(i for pair, _ in todo for i in pair)
                made = self._verdicts_on([pair for pair, _ in todo], held)
                fresh = {key: verdict for (_, key), verdict in zip(todo, made, strict=True)}
                self._cache.put_many(self._space, {key: _packed(v) for key, v in fresh.items()})
                known.update(fresh)
            yield part, [known[key] for key in keys]

    def _verdicts_on(self, pairs: list[tuple[int, int]], held: Mapping[int, LocalFeatures]) -> list[Verdict]:
        if elsewhere := workers():
            return elsewhere.verify([(held[i], held[j]) for i, j in pairs])
        return verify_all(self._pool, pairs, held.__getitem__)

    def _confirmed(self, pair: tuple[int, int], a: int, b: int) -> bool:
        """Whether other pairs across two families say the same; two single pictures have only their one link."""
        others = ((i, j) for i in self._members.get(a, [a]) for j in self._members.get(b, [b]) if {i, j} != set(pair))
        witnesses = list(islice(others, _WITNESSES))
        return len(self._look(witnesses)) >= min(_CONFIRMED, len(witnesses))

    def _join(self, i: int, j: int) -> None:
        a, b = sorted((self._root[i], self._root[j]))
        if a == b:
            return
        self._joins += 1
        members = self._members.pop(b, [b])
        for i in members:
            self._root[i] = a
        self._members.setdefault(a, [a]).extend(members)


_FIGURES: Final = tuple(field.name for field in fields(Verdict))


def _packed(verdict: Verdict) -> bytes:
    # `asdict` copies every number deeply, which takes longer than the rest of a verdict's way into the cache
    return json.dumps({name: getattr(verdict, name) for name in _FIGURES}).encode()


_PACKED_NOTHING: Final = _packed(NOTHING)


def _read(value: bytes) -> Verdict:
    """A kept verdict; of most pairs it is `NOTHING`, one object for all of them."""
    return NOTHING if value == _PACKED_NOTHING else Verdict(**json.loads(value))


def _alike(verdict: Verdict) -> bool:
    return verdict.inliers >= ALIKE_INLIERS and abs(verdict.likeness) >= ALIKE_LIKENESS


def _strong(verdict: Verdict) -> bool:
    if verdict.kind == "printed":  # print may have taken every feature
        return verdict.agreement >= STRONG_PRINTED or verdict.inliers >= STRONG_PRINTED_INLIERS
    if verdict.kind == "bent":  # many features agree, or all the more once moved, or there would be no such verdict
        return True
    if min(verdict.agreement, verdict.exact) >= STRONG_PIXELS and verdict.inliers >= MIN_INLIERS:
        return True  # a small picture in another has few features
    if verdict.kind in {"whole", "toned"} and verdict.inliers >= STRONG_MANY:
        return abs(verdict.likeness) >= STRONG_MANY_LIKENESS or verdict.agreement >= STRONG_AGREEMENT
    if verdict.kind == "whole" and verdict.agreement >= STRONG_WHOLE and verdict.inliers >= STRONG_WHOLE_INLIERS:
        return abs(verdict.likeness) >= STRONG_WHOLE_LIKENESS or verdict.agreement >= STRONG_AGREEMENT
    sure = verdict.agreement >= STRONG_AGREEMENT or (verdict.kind == "covered" and verdict.exact >= STRONG_EXACT)
    return sure and verdict.inliers >= STRONG_INLIERS
