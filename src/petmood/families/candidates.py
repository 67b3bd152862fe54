"""Sketches of pictures -> pairs that may show one photo, from an approximate index, never from all pairs.

A sketch is a small part of a picture's local features, and a thumbnail. Only sketches pass through memory here, a part
at a time; the index holds them compressed to some 80 bytes a feature.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from petmood.families.index import NearestIndex
from petmood.families.local import THUMBNAIL, LocalFeatures, mirrored, quarter_turns, thumbnail, unit
from petmood.records import FloatArray, IntArray

PER_IMAGE: Final = 6
"""Candidates kept of each picture, by votes of its local features."""

VOTERS: Final = 32
"""Local features of each picture that vote: enough to find every copy, few enough to stay quick."""

FEW: Final = 64
"""Local features below which a picture is looked for by its thumbnail turned every way, not only as it is."""

_CELLS: Final = 4  # voters are taken from a grid of so many cells a side, lest print or one tile take all votes
_NEIGHBOURS: Final = 6
_WIDTH: Final = 0.1  # squared distance at which a vote has lost most of its weight
_ALIKE: Final = 0.85  # correlation of two thumbnails below which they are not worth a closer look
_LEAST: Final = 0.5  # votes below which it is chance: of copies that are found none had less, of other pairs a third
_PART: Final = 2_048  # pictures searched for at once: bounds memory


@dataclass(frozen=True, slots=True)
class Sketch:
    """What a picture is looked for by.

    Attributes:
        voters: (at most `VOTERS`, 128) uint8 descriptors from all over the picture.
        thumbnail: (12, 12) float32 of mean 0 and length 1.
        textured: whether it has local features enough to be found by them alone.
    """

    voters: NDArray[np.uint8]
    thumbnail: FloatArray
    textured: bool


class Sketches(Protocol):
    """Sketches of n pictures, given out in parts so that they need not be in memory together."""

    def __len__(self) -> int:
        """How many."""
        ...

    def parts(self, size: int) -> Iterator[Sequence[Sketch]]:
        """All sketches in order, `size` at a time."""
        ...


class Listed:
    """Sketches in memory."""

    def __init__(self, sketches: Sequence[Sketch]) -> None:
        self._sketches = sketches

    def __len__(self) -> int:
        return len(self._sketches)

    def parts(self, size: int) -> Iterator[Sequence[Sketch]]:
        """See `Sketches.parts`."""
        for start in range(0, len(self), size):
            yield self._sketches[start : start + size]


def sketch(found: LocalFeatures) -> Sketch:
    """The sketch of a picture: the strongest features of each part of it, and its thumbnail."""
    return Sketch(found.descriptors[_spread(found)], thumbnail(found.grey), len(found.points) >= FEW)


def _spread(found: LocalFeatures) -> IntArray:
    """The strongest features of each cell in turn. `found` has the strongest first."""
    across = np.clip(found.points[:, 0] / found.width * _CELLS, 0, _CELLS - 1).astype(np.int64)
    down = np.clip(found.points[:, 1] / found.height * _CELLS, 0, _CELLS - 1).astype(np.int64)
    cell = down * _CELLS + across
    order = np.argsort(cell, kind="stable")
    of = cell[order]
    rank = np.empty(len(cell), dtype=np.int64)
    rank[order] = np.arange(len(cell)) - np.searchsorted(of, of)
    return np.sort(np.lexsort((np.arange(len(cell)), rank))[:VOTERS])


def candidate_pairs(sketches: Sketches, per_image: int = PER_IMAGE, asked: NDArray[np.bool_] | None = None) -> IntArray:
    """(n_pairs, 2) int64 of i < j: pairs to be verified, those with most votes first.

    Two ways lead to a pair. Local features vote for the pictures that hold their nearest neighbours, plain and
    mirrored, whatever the crop or rotation. Thumbnails find their nearest ones, plain and mirrored, since print all
    over a picture takes its features; those of pictures with little texture over all flips and quarter turns, and of
    negatives.

    Args:
        sketches: of distinct files.
        per_image: candidates of each picture from votes.
        asked: (n,) pictures whose candidates are wanted; all by default.
    """
    n = len(sketches)
    asked = np.ones(n, dtype=np.bool_) if asked is None else asked
    if n < 2 or not asked.any():
        return np.zeros((0, 2), dtype=np.int64)
    found, votes = _keys(sketches, sketches, per_image, asked)
    i, j = np.divmod(found, n)
    keys, inverse = np.unique(np.minimum(i, j) * n + np.maximum(i, j), return_inverse=True)
    most = np.zeros(len(keys))
    np.maximum.at(most, inverse, votes)
    return np.stack(np.divmod(keys[np.lexsort((keys, -most))], n), axis=1).astype(np.int64)


def candidates_among(queries: Sketches, known: Sketches) -> IntArray:
    """(n_pairs, 2) int64, sorted: which query may show which of the known pictures, found as by `candidate_pairs`."""
    if not len(queries) or not len(known):
        return np.zeros((0, 2), dtype=np.int64)
    keys, _ = _keys(queries, known, PER_IMAGE, np.ones(len(queries), dtype=np.bool_))
    return np.stack(np.divmod(np.unique(keys), len(known)), axis=1).astype(np.int64)


def _keys(
    queries: Sketches, known: Sketches, per_image: int, asked: NDArray[np.bool_]
) -> tuple[IntArray, NDArray[np.float64]]:
    """Keys query * len(known) + known, and the votes of each. Where both are the same, none is its own candidate."""
    n, itself = len(known), queries is known
    votes, owner, thumbnails = NearestIndex(n * VOTERS, 128), [], NearestIndex(n, THUMBNAIL**2)
    for start, part in _numbered(known):
        voters = np.concatenate([one.voters for one in part])
        owner.append(np.repeat(np.arange(start, start + len(part)), [len(one.voters) for one in part]))
        if len(voters):
            votes.add(unit(voters))
        thumbnails.add(np.stack([one.thumbnail.ravel() for one in part]))
    owners = np.concatenate(owner)
    found, votes_of = [np.zeros(0, dtype=np.int64)], [np.zeros(0)]
    for start, part in _numbered(queries):
        rows = [(start + i, one) for i, one in enumerate(part) if asked[start + i]]
        if rows:
            for keys, strength in (
                _by_votes(rows, votes, owners, n, per_image, itself=itself),
                _by_thumbnails(rows, thumbnails, n, itself=itself),
            ):
                found.append(keys)
                votes_of.append(strength)
    return np.concatenate(found), np.concatenate(votes_of)


def _by_votes(
    rows: Sequence[tuple[int, Sketch]], index: NearestIndex, owners: IntArray, n: int, per_image: int, *, itself: bool
) -> tuple[IntArray, NDArray[np.float64]]:
    """The pictures with most votes of each asking one, plain or mirrored, and how many those are."""
    voters = np.concatenate([one.voters for _, one in rows])
    if not len(owners) or not len(voters):
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    voter = np.repeat([i for i, _ in rows], [len(one.voters) for _, one in rows]).astype(np.int64)[:, None]
    keys, votes = [], []
    for descriptors in (voters, mirrored(voters)):
        nearest, distance = index.nearest(unit(descriptors), _NEIGHBOURS)
        candidate = owners[nearest]
        valid = (nearest >= 0) & ~(itself & (candidate == voter))
        key, inverse = np.unique((voter * n + candidate)[valid], return_inverse=True)
        keys.append(key)
        votes.append(np.bincount(inverse, np.exp(-distance[valid] / _WIDTH), minlength=len(key)))
    key, vote = np.concatenate(keys), np.concatenate(votes)
    order = np.lexsort((key, -vote, key // n))
    key, vote = key[order], vote[order]
    # the same candidate may come plain and mirrored: its better place counts
    _, first = np.unique(key, return_index=True)
    first.sort()
    key, vote = key[first], vote[first]
    asking = key // n
    kept = (np.arange(len(key)) - np.searchsorted(asking, asking) < per_image) & (vote >= _LEAST)
    return np.asarray(key[kept], dtype=np.int64), np.asarray(vote[kept], dtype=np.float64)


def _by_thumbnails(
    rows: Sequence[tuple[int, Sketch]], index: NearestIndex, n: int, *, itself: bool
) -> tuple[IntArray, NDArray[np.float64]]:
    views = [_views(one) for _, one in rows]
    voter = np.repeat([i for i, _ in rows], [len(turned) for turned in views]).astype(np.int64)[:, None]
    nearest, distance = index.nearest(np.stack([view for turned in views for view in turned]).astype(np.float32), 3)
    # unit vectors: squared distance d is correlation 1 - d / 2
    near = (nearest >= 0) & (distance <= 2 * (1 - _ALIKE)) & ~(itself & (nearest == voter))
    return np.asarray((voter * n + nearest)[near], dtype=np.int64), np.zeros(int(near.sum()))


def _views(one: Sketch) -> list[FloatArray]:
    """Thumbnails that a picture is looked for by: of a textured one, few, since its features find the others."""
    if one.textured:
        return [one.thumbnail.ravel(), one.thumbnail[:, ::-1].ravel()]
    turned = [np.asarray(side.ravel(), dtype=np.float32) for side in quarter_turns(one.thumbnail)]
    return turned + [-side for side in turned]


def _numbered(sketches: Sketches) -> Iterator[tuple[int, Sequence[Sketch]]]:
    start = 0
    for part in sketches.parts(_PART):
        yield start, part
        start += len(part)
