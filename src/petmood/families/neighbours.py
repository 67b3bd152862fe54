"""Features by photo -> the photos that look most like each one, and what those are labelled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from petmood.records import FloatArray, IntArray

_CELLS = 2**24  # similarities held at once


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
    step = max(1, _CELLS // n)
    for start in range(0, n, step):
        rows = np.arange(start, min(start + step, n))
        similar = unit[rows] @ unit.T
        similar[np.arange(len(rows)), rows] = -np.inf
        nearest[rows] = _largest(similar, nearest.shape[1])
        for c, candidates in enumerate(members):
            for row, best in zip(rows, candidates[_largest(similar[:, candidates], k + 1)], strict=True):
                kept = best[best != row][:k]
                by_class[row, c, : len(kept)] = kept
    return Lookalikes(by_class, nearest)


def _largest(values: FloatArray, k: int) -> IntArray:
    """(n, at most k) int64: columns of the largest of each row, in order, the first of equal ones first."""
    if values.shape[1] <= 4 * k:
        return np.argsort(-values, axis=1, kind="stable")[:, :k]
    # a few more, sorted by column, so that equal ones at the end are told apart as they would be among all
    best = np.sort(np.argpartition(-values, 2 * k, axis=1)[:, : 2 * k], axis=1)
    order = np.argsort(-np.take_along_axis(values, best, axis=1), axis=1, kind="stable")[:, :k]
    return np.asarray(np.take_along_axis(best, order, axis=1), dtype=np.int64)


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
