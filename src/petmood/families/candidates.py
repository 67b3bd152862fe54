"""Sketches of pictures -> pairs that may show one photo, from inverted lists, never from all pairs.

A sketch is a small part of a picture's local features, and a thumbnail, each as a code of 64 bytes; some 3 KiB.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from petmood.families.index import (
    DIM,
    DISTANCE,
    FAR,
    NONE,
    SPAN,
    Codes,
    Grid,
    Keys,
    NearestIndex,
    encode,
    encode_thumbnail,
    flat,
    mirrored_codes,
    turned_thumbnails,
)
from petmood.families.local import LocalFeatures, thumbnail
from petmood.records import IntArray

PER_IMAGE: Final = 6
"""Candidates kept of each picture, by votes of its local features."""

VOTERS: Final = 48
"""Local features of each picture that vote. With fewer, copies that are small in another picture are not proposed; each
costs 64 bytes of memory a picture, and its share of the time."""

FEW: Final = 64
"""Local features below which a picture is looked for by its thumbnail turned every way, not only as it is."""

LEAST: Final = 0.6
"""Votes below which it is chance: half of the pairs that are none have fewer, and hardly a copy."""

_CELLS: Final = 4  # voters are taken from a grid of so many cells a side, lest print or one tile take all votes
_WIDTH: Final = 0.1 * (127 / SPAN) ** 2  # squared distance of codes at which a vote has lost most of its weight
_ALIKE: Final = 0.85  # correlation of two thumbnails below which they are not worth a closer look


@dataclass(frozen=True, slots=True)
class Sketch:
    """What a picture is looked for by.

    Attributes:
        voters: (at most `VOTERS`, 64) int8 codes of descriptors from all over the picture.
        thumbnail: (8, 8) int8 code of the picture as a whole.
        textured: whether it has local features enough to be found by them alone.
    """

    voters: Codes
    thumbnail: Codes
    textured: bool


def sketch(found: LocalFeatures) -> Sketch:
    """The sketch of a picture: the strongest features of each part of it, and its thumbnail."""
    voters = encode(found.descriptors[spread(found)])
    return Sketch(voters, encode_thumbnail(thumbnail(found.grey)), len(found.points) >= FEW)


def spread(found: LocalFeatures) -> IntArray:
    """The strongest features of each cell in turn. `found` has the strongest first."""
    across = np.clip(found.points[:, 0] / found.width * _CELLS, 0, _CELLS - 1).astype(np.int64)
    down = np.clip(found.points[:, 1] / found.height * _CELLS, 0, _CELLS - 1).astype(np.int64)
    cell = down * _CELLS + across
    order = np.argsort(cell, kind="stable")
    of = cell[order]
    rank = np.empty(len(cell), dtype=np.int64)
    rank[order] = np.arange(len(cell)) - np.searchsorted(of, of)
    return np.sort(np.lexsort((np.arange(len(cell)), rank))[:VOTERS])


class Sketches:
    """Sketches of n numbered pictures, as arrays: some 3 KiB of memory each."""

    def __init__(self, n: int, parts: Iterable[Sequence[Sketch]]) -> None:
        """Take them in, in order, a part at a time."""
        self._voters = np.empty((n * VOTERS, DIM), dtype=np.int8)  # what is never filled takes no memory
        self._starts = np.zeros(n + 1, dtype=np.int64)
        self._thumbnails = np.empty((n, 8, 8), dtype=np.int8)
        self._textured = np.empty(n, dtype=np.bool_)
        at = 0
        for part in parts:
            for one in part:
                start, end = self._starts[at], self._starts[at] + len(one.voters)
                self._voters[start:end] = one.voters
                self._thumbnails[at], self._textured[at] = one.thumbnail, one.textured
                at += 1
                self._starts[at] = end

    def __len__(self) -> int:
        return len(self._textured)

    def codes(self, kind: str, pictures: IntArray) -> tuple[Codes, IntArray]:
        """(n, 64) codes by which some pictures are found, one picture behind the other, and where those of each end."""
        if kind == "thumbnails":
            return flat(self._thumbnails[pictures]), np.arange(1, len(pictures) + 1)
        if len(pictures) == len(self):
            return self._voters[: self._starts[-1]], self._starts[1:]
        counts = self._starts[pictures + 1] - self._starts[pictures]
        ends = np.cumsum(counts)
        rows = np.arange(ends[-1] if len(ends) else 0) + np.repeat(self._starts[pictures] - ends + counts, counts)
        return self._voters[rows], ends

    def queries(self, kind: str, pictures: IntArray) -> tuple[Codes, IntArray]:
        """(n, 64) codes by which some pictures are looked for, and (n,) at which place of the picture's list.

        Local features are looked for plain and mirrored. So are thumbnails, since print all over a picture takes its
        features; those of pictures with little texture over all flips and quarter turns, and as negatives.
        """
        width = width_of(kind)
        base = np.arange(len(pictures)) * width
        if kind == "voters":
            voters, ends = self.codes(kind, pictures)
            counts = np.diff(ends, prepend=0)
            rank = np.arange(len(voters)) - np.repeat(ends - counts, counts)
            place = np.repeat(base, counts) + rank
            return np.concatenate([voters, mirrored_codes(voters)]), np.concatenate([place, place + VOTERS])
        if not len(pictures):
            return np.zeros((0, DIM), dtype=np.int8), np.zeros(0, dtype=np.int64)
        views = np.stack([turned_thumbnails(one) for one in self._thumbnails[pictures]])
        views = np.concatenate([views, -views], axis=1)
        wanted = np.ones(views.shape[:2], dtype=np.bool_)
        wanted[self._textured[pictures], 2:] = False
        return flat(views[wanted]), (base[:, None] + np.arange(width))[wanted]


def width_of(kind: str) -> int:
    """Queries of a picture at most."""
    return 2 * VOTERS if kind == "voters" else 16


def listed_of(kind: str) -> int:
    """How many of the nearest of each query count."""
    return 6 if kind == "voters" else 3


def far_of(kind: str) -> int:
    """Squared distance of codes from which on nothing counts."""
    # unit vectors: correlation c is squared distance 2 - 2c
    return FAR if kind == "voters" else round(2 * (1 - _ALIKE) * 127**2) + 1


def proposed(kind: str, pictures: IntArray, keys: Keys) -> tuple[IntArray, IntArray, NDArray[np.float64]]:
    """Which pictures each of some may show again: picture, candidate and votes.

    Local features vote for the pictures that hold their nearest neighbours, whatever the crop or rotation; the
    `PER_IMAGE` with most votes count, plain or mirrored. Near thumbnails count without votes.

    Args:
        kind: "voters" or "thumbnails".
        pictures: (n,) who looked.
        keys: (n, width, listed) what each query of each found.
    """
    voter = np.broadcast_to(np.arange(len(pictures))[:, None, None], keys.shape)
    candidate, distance = keys & 0xFFFFFFFF, keys >> DISTANCE
    valid = (keys != NONE) & (candidate != pictures[:, None, None])
    if kind == "thumbnails":
        pair = np.unique(voter[valid] << 32 | candidate[valid])
        return pictures[pair >> 32], pair & 0xFFFFFFFF, np.zeros(len(pair))
    half = width_of(kind) // 2
    found = []
    for side in (slice(0, half), slice(half, None)):
        some = valid[:, side]
        pair, inverse = np.unique(voter[:, side][some] << 32 | candidate[:, side][some], return_inverse=True)
        weight = np.exp(-distance[:, side][some] / _WIDTH)
        found.append((pair, np.bincount(inverse, weight, minlength=len(pair))))
    pair, votes = (np.concatenate(both) for both in zip(*found, strict=True))
    order = np.lexsort((pair, -votes, pair >> 32))
    pair, votes = pair[order], votes[order]
    # the same candidate may come plain and mirrored: its better place counts
    _, first = np.unique(pair, return_index=True)
    first.sort()
    pair, votes = pair[first], votes[first]
    asking = pair >> 32
    kept = (np.arange(len(pair)) - np.searchsorted(asking, asking) < PER_IMAGE) & (votes >= LEAST)
    return pictures[asking[kept]], pair[kept] & 0xFFFFFFFF, votes[kept]


def in_order(n: int, found: Sequence[tuple[IntArray, IntArray, NDArray[np.float64]]]) -> IntArray:
    """(n_pairs, 2) int64 of i < j: what `proposed` gave, each pair once, those with most votes first."""
    if not found:
        return np.zeros((0, 2), dtype=np.int64)
    i, j, votes = (np.concatenate(parts) for parts in zip(*found, strict=True))
    keys, inverse = np.unique(np.minimum(i, j) * n + np.maximum(i, j), return_inverse=True)
    most = np.zeros(len(keys))
    np.maximum.at(most, inverse, votes)
    return np.stack(np.divmod(keys[np.lexsort((keys, -most))], n), axis=1).astype(np.int64)


def candidates_among(queries: Sequence[Sketch], known: Sequence[Sketch]) -> IntArray:
    """(n_pairs, 2) int64, sorted: which query may show which of the known pictures."""
    if not queries or not known:
        return np.zeros((0, 2), dtype=np.int64)
    asking, held = Sketches(len(queries), [queries]), Sketches(len(known), [known])
    pairs = []
    for kind in KINDS:
        index = NearestIndex(Grid(kind, len(known)), np.arange(len(known)), *held.codes(kind, np.arange(len(known))))
        asked, place = asking.queries(kind, np.arange(len(queries)))
        keys = np.full((len(queries) * width_of(kind), listed_of(kind)), NONE)
        keys[place] = index.nearest(asked, listed_of(kind), far_of(kind))
        # numbers of queries are none of the known pictures'
        strangers = len(known) + np.arange(len(queries))
        i, j, _ = proposed(kind, strangers, keys.reshape(len(queries), width_of(kind), -1))
        pairs.append((i - len(known)) * len(known) + j)
    return np.stack(np.divmod(np.unique(np.concatenate(pairs)), len(known)), axis=1).astype(np.int64)


KINDS: Final = ("voters", "thumbnails")
"""Two ways lead to a pair."""
