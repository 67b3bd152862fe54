"""Local features of pictures -> pairs that may show one photo, from approximate indices, never from all pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from petmood.families.local import LocalFeatures
from petmood.records import FloatArray, IntArray

PER_IMAGE: Final = 6
"""Candidates kept of each picture, by votes of its local features."""

_POINTS: Final = 32  # strongest features that vote: enough to find every copy, few enough to stay quick
_NEIGHBOURS: Final = 5
_WIDTH: Final = 0.1  # squared distance at which a vote has lost most of its weight
_THUMBNAIL: Final = 12  # side; the hash of a picture is its thumbnail, centred and of unit length
_ALIKE: Final = 0.85  # correlation of two thumbnails below which they are not worth a closer look
_EXACT: Final = 1_000  # rows up to which the exact search is as quick as an index
_SEED: Final = 7


def candidate_pairs(found: Sequence[LocalFeatures], per_image: int = PER_IMAGE) -> IntArray:
    """(n_pairs, 2) int64 of i < j, sorted: pairs to be verified.

    Two ways lead to a pair. Local features vote for the pictures that hold their nearest neighbours, plain and
    mirrored, whatever the crop or rotation. Thumbnails find their nearest ones over all flips and quarter turns,
    which needs no texture.

    Args:
        found: features of distinct files.
        per_image: candidates of each picture from votes.
    """
    if len(found) < 2:
        return np.zeros((0, 2), dtype=np.int64)
    keys = np.concatenate([_by_votes(found, per_image), _by_thumbnails(found)])
    return np.stack(np.divmod(np.unique(keys), len(found)), axis=1).astype(np.int64)


def candidates_among(queries: Sequence[LocalFeatures], known: Sequence[LocalFeatures]) -> IntArray:
    """(n_pairs, 2) int64, sorted: which query may show which of the known pictures, found as by `candidate_pairs`."""
    if not queries or not known:
        return np.zeros((0, 2), dtype=np.int64)
    keys = np.concatenate([_votes(queries, known, PER_IMAGE, itself=True), _like_thumbnails(queries, known)])
    return np.stack(np.divmod(np.unique(keys), len(known)), axis=1).astype(np.int64)


def _by_votes(found: Sequence[LocalFeatures], per_image: int) -> IntArray:
    return _undirected(_votes(found, found, per_image, itself=False), len(found))


def _votes(
    queries: Sequence[LocalFeatures], known: Sequence[LocalFeatures], per_image: int, *, itself: bool
) -> IntArray:
    """Keys query * len(known) + known; `itself` is whether a query may be its own candidate, being other pictures."""
    n = len(known)
    strong = [_strongest(f) for f in known]
    asking = [_strongest(f) for f in queries]
    owner = np.repeat(np.arange(n), [len(f.points) for f in strong])
    asker = np.repeat(np.arange(len(queries)), [len(f.points) for f in asking])
    if not len(owner) or not len(asker):
        return np.zeros(0, dtype=np.int64)
    base = np.concatenate([f.unit() for f in strong])
    plain = np.concatenate([f.unit() for f in asking])
    mirrored = np.concatenate([f.unit(mirrored=True) for f in asking])
    index, distance = _neighbours(base, np.concatenate([plain, mirrored]), _NEIGHBOURS + 1)
    pairs, votes = [], []
    for half in (slice(len(plain)), slice(len(plain), None)):
        voter, candidate = asker[:, None], owner[index[half]]
        other = np.ones(candidate.shape, dtype=np.bool_) if itself else candidate != voter
        key = (voter * n + candidate)[other]
        chosen, inverse = np.unique(key, return_inverse=True)
        pairs.append(chosen)
        votes.append(np.bincount(inverse, weights=np.exp(-distance[half][other] / _WIDTH), minlength=len(chosen)))
    key, vote = np.concatenate(pairs), np.concatenate(votes)
    order = np.lexsort((key, -vote, key // n))
    key = key[order]
    # the same candidate may come plain and mirrored: its better place counts
    _, first = np.unique(key, return_index=True)
    key = key[np.sort(first)]
    voter = key // n
    rank = np.arange(len(key)) - np.searchsorted(voter, voter)
    return np.asarray(key[rank < per_image], dtype=np.int64)


def _strongest(found: LocalFeatures) -> LocalFeatures:
    """The features that vote. `found` has the strongest first."""
    return LocalFeatures(found.points[:_POINTS], found.descriptors[:_POINTS], found.grey, found.width, found.height)


def thumbnail(grey: NDArray[np.uint8]) -> FloatArray:
    """(side, side) float32 thumbnail of mean 0 and length 1 (all zero for a uniform picture)."""
    import cv2

    small = cv2.resize(grey, (_THUMBNAIL, _THUMBNAIL), interpolation=cv2.INTER_AREA).astype(np.float32)
    small -= small.mean()
    return np.asarray(small / max(float(np.linalg.norm(small)), 1.0), dtype=np.float32)


def quarter_turns(square: NDArray[np.generic]) -> list[NDArray[np.generic]]:
    """The eight flips and quarter turns of a picture, the picture itself first."""
    return [np.rot90(side, turn) for side in (square, square[:, ::-1]) for turn in range(4)]


def _by_thumbnails(found: Sequence[LocalFeatures]) -> IntArray:
    n = len(found)
    key = _like_thumbnails(found, found)
    return _undirected(key[key // n != key % n], n)


def _like_thumbnails(queries: Sequence[LocalFeatures], known: Sequence[LocalFeatures]) -> IntArray:
    """Keys query * len(known) + known of thumbnails that are alike in any flip or quarter turn."""
    base = np.stack([thumbnail(f.grey).ravel() for f in known])
    small = [thumbnail(f.grey) for f in queries]
    turned = np.stack([side.ravel() for t in small for side in quarter_turns(t)]).astype(np.float32)
    index, distance = _neighbours(base, turned, 3)
    voter = np.repeat(np.arange(len(queries)), 8)[:, None]
    # unit vectors: squared distance d is correlation 1 - d / 2
    return np.asarray((voter * len(known) + index)[distance <= 2 * (1 - _ALIKE)], dtype=np.int64)


def _undirected(key: IntArray, n: int) -> IntArray:
    i, j = np.divmod(key, n)
    return np.asarray(np.minimum(i, j) * n + np.maximum(i, j), dtype=np.int64)


def _neighbours(base: FloatArray, queries: FloatArray, k: int) -> tuple[IntArray, FloatArray]:
    """(n, k) indices into `base` and squared distances of the nearest rows; approximate where there are many rows."""
    import cv2

    k = min(k, len(base))
    if len(base) <= _EXACT:
        squared = 2 - 2 * queries @ base.T
        index = np.argsort(squared, axis=1, kind="stable")[:, :k]
        return index.astype(np.int64), np.take_along_axis(squared, index, axis=1)
    cv2.setRNGSeed(_SEED)
    trees = cv2.flann.Index(base, {"algorithm": 1, "trees": 4})
    nearest, distance = trees.knnSearch(queries, k, params={"checks": 48})
    return np.asarray(nearest, dtype=np.int64), np.asarray(distance, dtype=np.float32)
