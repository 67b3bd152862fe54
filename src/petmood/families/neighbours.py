"""Features by photo -> the photos that look most like each one, and what those are labelled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from petmood.records import FloatArray, IntArray

_CHUNK = 2048  # rows compared at once; bounds memory for large sets


@dataclass(frozen=True)
class Lookalikes:
    """For each of n photos, those most like it by the cosine of standardised features, itself left out.

    Attributes:
        by_class: (n, n_classes, k) int64 rows of the nearest photos of each class, nearest first; -1 where there are
            fewer than k.
        nearest: (n, m) int64 rows of the nearest photos of any class, nearest first.
    """

    by_class: IntArray
    nearest: IntArray


def lookalikes(vectors: FloatArray, labels: IntArray, n_classes: int, *, k: int = 3, m: int = 10) -> Lookalikes:
    """Find the nearest photos of each class, and of any.

    Args:
        vectors: (n, dim) features, one row a photo.
        labels: (n,) class indices; rows of -1 belong to no class.
        n_classes: number of classes.
        k: neighbours wanted of each class.
        m: neighbours wanted of any class; fewer are given where there are fewer.
    """
    n = len(vectors)
    unit = _standardised(vectors)
    members = [np.flatnonzero(labels == c) for c in range(n_classes)]
    by_class = np.full((n, n_classes, k), -1, dtype=np.int64)
    nearest = np.empty((n, min(m, n - 1)), dtype=np.int64)
    for start in range(0, n, _CHUNK):
        rows = np.arange(start, min(start + _CHUNK, n))
        similar = unit[rows] @ unit.T
        similar[np.arange(len(rows)), rows] = -np.inf
        nearest[rows] = np.argsort(-similar, axis=1, kind="stable")[:, : nearest.shape[1]]
        for c, candidates in enumerate(members):
            order = np.argsort(-similar[:, candidates], axis=1, kind="stable")[:, : k + 1]
            for row, best in zip(rows, candidates[order], strict=True):
                kept = best[best != row][:k]
                by_class[row, c, : len(kept)] = kept
    return Lookalikes(by_class, nearest)


def contradiction(nearest: IntArray, labels: IntArray, n_classes: int) -> tuple[IntArray, IntArray, IntArray]:
    """What the nearest photos say against each label.

    Returns:
        (n,) int64 each: the commonest class among the nearest that is not the given one, how many of them have it, and
        how many have the given one.
    """
    votes: NDArray[np.int64] = np.zeros((len(labels), n_classes), dtype=np.int64)
    for column in nearest.T:
        np.add.at(votes, (np.arange(len(labels)), labels[column]), 1)
    rows = np.arange(len(labels))
    same = votes[rows, labels].copy()
    votes[rows, labels] = -1
    rival = votes.argmax(axis=1).astype(np.int64)
    return rival, np.maximum(votes[rows, rival], 0), same


def _standardised(vectors: FloatArray) -> FloatArray:
    values = vectors.astype(np.float32)
    deviation = values.std(axis=0)
    values = (values - values.mean(axis=0)) / np.where(deviation > 0, deviation, 1)
    return np.asarray(values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12), dtype=np.float32)
