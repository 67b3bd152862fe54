"""Vectors in shards -> k-means in bounded memory: a start from a sample, then Lloyd's exact steps over all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from petmood.progress import Tick, silent
from petmood.records import FloatArray, IntArray

SAMPLE: Final = 16_384
"""Rows at most that the start is fitted on; they are all that is held besides one shard a worker."""

_STARTS: Final = 10
_REFINED: Final = 30
_BLOCK: Final = 4096  # rows whose distances are held at once


@dataclass(frozen=True)
class PassSums:
    """What one pass over some rows adds up to.

    Attributes:
        sums: (k, dim) float64: sum of the rows nearest to each centre.
        counts: (k,) int64.
        inertia: sum of squared distances to the nearest centres.
    """

    sums: NDArray[np.float64]
    counts: IntArray
    inertia: float

    def __add__(self, other: PassSums) -> PassSums:
        return PassSums(self.sums + other.sums, self.counts + other.counts, self.inertia + other.inertia)


@dataclass(frozen=True)
class Fitted:
    """Centres (k, dim) float32, the inertia of each pass so far, and the number of rows of each cluster."""

    centres: FloatArray
    inertias: tuple[float, ...]
    sizes: tuple[int, ...]


def nearest(vectors: FloatArray, centres: FloatArray) -> tuple[IntArray, NDArray[np.float64]]:
    """Index of the nearest centre of each row, and the squared distance to it: (n,) int64 and (n,) float64."""
    own = np.einsum("ij,ij->i", centres, centres)
    found = np.empty(len(vectors), dtype=np.int64)
    squared = np.empty(len(vectors), dtype=np.float64)
    for start in range(0, len(vectors), _BLOCK):
        rows = vectors[start : start + _BLOCK]
        apart = own - 2 * (rows @ centres.T)
        best = apart.argmin(axis=1)
        found[start : start + _BLOCK] = best
        lengths = np.einsum("ij,ij->i", rows, rows)
        squared[start : start + _BLOCK] = np.maximum(lengths + apart[np.arange(len(rows)), best], 0)
    return found, squared


def step(vectors: FloatArray, centres: FloatArray) -> PassSums:
    """One pass over some rows."""
    k = len(centres)
    found, squared = nearest(vectors, centres)
    member = np.zeros((k, len(vectors)), dtype=np.float32)
    member[found, np.arange(len(vectors))] = 1
    return PassSums((member @ vectors).astype(np.float64), np.bincount(found, minlength=k), float(squared.sum()))


def sample_rows(vectors: FloatArray, name: str, share: float, seed: int) -> FloatArray:
    """A share of a shard's rows, chosen by seed and the shard's name, in whatever order shards are read."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    rng = np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))
    count = min(len(vectors), int(len(vectors) * share + rng.random()))
    return vectors[np.sort(rng.choice(len(vectors), count, replace=False))]


def fit(
    start: FloatArray,
    one_pass: Callable[[FloatArray], Sequence[PassSums]],
    *,
    passes: int,
    tolerance: float,
    on_pass: Tick = silent,
) -> Fitted:
    """Lloyd's k-means from `start`: the same steps as over all rows at once.

    Args:
        start: (k, dim) float32.
        one_pass: the steps of all shards for given centres, always in the same order, so that sums round alike.
        passes: at most.
        tolerance: stop when a pass lowers the inertia by less than this share.
        on_pass: called with (passes done, passes at most).
    """
    centres, inertias = start, [float("inf")]
    for done in range(1, passes + 1):
        total = _sum(one_pass(centres))
        inertias.append(total.inertia)
        counted = total.counts[:, np.newaxis]
        # a centre that lost all its rows stays where it is
        centres = np.where(counted > 0, total.sums / np.maximum(counted, 1), centres).astype(np.float32)
        on_pass(done, passes)
        if inertias[-2] - inertias[-1] <= tolerance * inertias[-1]:
            break
    return Fitted(centres, tuple(inertias[1:]), tuple(int(c) for c in total.counts))


def start_centres(sample: FloatArray, k: int, seed: int) -> FloatArray:
    """(k, dim) float32: k-means++ on a sample, ten times, each refined on the sample; the best of them.

    scikit-learn draws the seeds; the refinement is `fit` itself, whose one matrix product a step is many times faster
    in so many dimensions than scikit-learn's loop.
    """
    from sklearn.cluster import kmeans_plusplus

    tried = []
    for attempt in range(_STARTS):
        seeds, _ = kmeans_plusplus(sample, k, random_state=seed + attempt)
        tried.append(fit(seeds, lambda centres: [step(sample, centres)], passes=_REFINED, tolerance=1e-4))
    return min(tried, key=lambda fitted: fitted.inertias[-1]).centres


def _sum(steps: Sequence[PassSums]) -> PassSums:
    total = steps[0]
    for more in steps[1:]:
        total = total + more
    return total
