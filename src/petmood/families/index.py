"""Many unit vectors -> the nearest of each of others, without comparing all: an index of inverted lists.

Vectors are turned to the axes along which they differ most (PCA), the first `KEPT` of which are kept, in a byte each,
and put into the list of their nearest centre. A query looks through the lists of the `PROBES` centres nearest to it:
the inverted file of Jégou, Douze and Schmid, "Product quantization for nearest neighbor search", 2011, section IV, here
without product codes.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from petmood.records import FloatArray, IntArray
from petmood.threads import cores

KEPT: Final = 64
PROBES: Final = 12

_EXACT: Final = 4_000  # vectors up to which comparing all is as quick
_MAX_LISTS: Final = 8_192
_STEPS: Final = 2  # of Lloyd's: more make the lists hardly more even
_SAMPLE: Final = 48  # vectors a list that its centre is fitted on
_CELLS: Final = 2**22  # distances held at once
_SEED: Final = 7
_FARTHEST: Final = 4.0  # no unit vectors are farther apart, squared


class NearestIndex:
    """Nearest neighbours among unit vectors, exact for few; the same whatever the number of threads.

    It holds `KEPT` bytes and twelve more a vector. The first vectors that are added train it, so that they must be many
    or typical.
    """

    def __init__(self, expected: int, dim: int) -> None:
        """An empty index.

        Args:
            expected: vectors that will be added, at most.
            dim: their length.
        """
        self._exact = expected <= _EXACT
        self._lists = min(_MAX_LISTS, int(2 ** np.round(np.log2(2.8 * np.sqrt(max(expected, 1))))))
        self._axes: FloatArray | None = None
        self._centres = np.zeros((0, dim), dtype=np.float32)
        self._scale = 1.0
        self._n = 0
        # rows beyond those that are added are never touched, and take no memory
        kept = dim if self._exact else min(KEPT, dim)
        self._vectors: NDArray[Any] = np.empty((expected, kept), dtype=np.float32 if self._exact else np.int8)
        self._list_of = np.empty(expected, dtype=np.int32)
        self._order: NDArray[np.int32] | None = None

    def add(self, vectors: FloatArray) -> None:
        """Add (n, dim) float32 rows of length 1."""
        rows = slice(self._n, self._n + len(vectors))
        self._n += len(vectors)
        self._order = None
        if self._exact:
            self._vectors[rows] = vectors
            return
        with threadpool_limits(1):
            if self._axes is None:
                self._train(vectors)
            assert self._axes is not None
            turned = vectors @ self._axes
            self._vectors[rows] = np.clip(np.rint(turned / self._scale), -127, 127)
            self._list_of[rows] = self._nearest_centres(turned, 1)[:, 0]

    def _train(self, vectors: FloatArray) -> None:
        _, axes = np.linalg.eigh(vectors.T @ vectors)
        self._axes = np.ascontiguousarray(axes[:, ::-1][:, : self._vectors.shape[1]], dtype=np.float32)
        turned = vectors @ self._axes
        self._scale = max(float(np.abs(turned).max()), 1e-6) / 127
        drawn = np.random.default_rng(_SEED).permutation(len(turned))
        lists = min(self._lists, len(turned))
        self._centres, some = turned[drawn[:lists]], turned[drawn[: _SAMPLE * lists]]
        for _ in range(_STEPS):
            nearest = self._nearest_centres(some, 1)[:, 0]
            order = np.argsort(nearest, kind="stable")
            held, starts, counts = np.unique(nearest[order], return_index=True, return_counts=True)
            self._centres[held] = np.add.reduceat(some[order], starts, axis=0) / counts[:, None]

    def _nearest_centres(self, turned: FloatArray, k: int) -> IntArray:
        """(n, k) int64: the centres nearest to each row, in no order; one thread per core."""
        half = np.einsum("ij,ij->i", self._centres, self._centres) / 2
        step = max(1, _CELLS // len(self._centres))

        def some(start: int) -> IntArray:
            apart = half - turned[start : start + step] @ self._centres.T
            return _smallest(apart, k)[0] if k > 1 else apart.argmin(axis=1)[:, None]

        with ThreadPoolExecutor(cores()) as pool:
            return np.concatenate(list(pool.map(some, range(0, len(turned), step))))

    def nearest(self, queries: FloatArray, k: int) -> tuple[IntArray, FloatArray]:
        """(n, k) int64 rows by distance, -1 where fewer were found, and (n, k) squared distances, inf there.

        Args:
            queries: (n, dim) float32 of length 1.
            k: how many.
        """
        with threadpool_limits(1):
            rows, squared = self._by_all(queries, k) if self._exact else self._by_lists(queries, k)
        order = np.argsort(squared, axis=1, kind="stable")
        return np.take_along_axis(rows, order, axis=1), np.take_along_axis(squared, order, axis=1)

    def _by_all(self, queries: FloatArray, k: int) -> tuple[IntArray, FloatArray]:
        held = np.asarray(self._vectors[: self._n], dtype=np.float32)
        step = max(1, _CELLS // max(self._n, 1))

        def some(start: int) -> tuple[IntArray, FloatArray]:
            return _smallest(2 - 2 * (queries[start : start + step] @ held.T), k)

        with ThreadPoolExecutor(cores()) as pool:
            made = list(pool.map(some, range(0, len(queries), step)))
        return np.concatenate([rows for rows, _ in made]), np.concatenate([squared for _, squared in made])

    def _by_lists(self, queries: FloatArray, k: int) -> tuple[IntArray, FloatArray]:
        if self._axes is None:
            return np.full((len(queries), k), -1), np.full((len(queries), k), np.inf, dtype=np.float32)
        list_of = self._list_of[: self._n]
        if self._order is None:
            self._order = np.argsort(list_of, kind="stable").astype(np.int32)
        starts = np.concatenate([[0], np.cumsum(np.bincount(list_of, minlength=len(self._centres)))])
        turned = queries @ self._axes
        probes = min(PROBES, len(self._centres))
        probed = self._nearest_centres(turned, probes).ravel()
        asking = np.argsort(probed, kind="stable")
        bounds = np.searchsorted(probed[asking], np.arange(len(self._centres) + 1))
        rows = np.full((len(probed), k), -1, dtype=np.int64)
        squared = np.full((len(probed), k), np.inf, dtype=np.float32)
        order = self._order

        def look(lists: range) -> None:
            for one in lists:
                pairs = asking[bounds[one] : bounds[one + 1]]
                members = order[starts[one] : starts[one + 1]]
                if not len(pairs) or not len(members):
                    continue
                held = self._vectors[members].astype(np.float32) * np.float32(self._scale)
                apart = turned[pairs // probes] @ held.T
                apart *= -2
                apart += np.einsum("ij,ij->i", held, held)
                best, squared[pairs] = _smallest(apart, k)
                rows[pairs] = np.where(best >= 0, members[best], -1)

        streams = cores()
        with ThreadPoolExecutor(streams) as pool:
            list(pool.map(look, [range(i, len(self._centres), streams) for i in range(streams)]))
        best, apart = _smallest(squared.reshape(len(queries), -1), k)
        found = np.take_along_axis(rows.reshape(len(queries), -1), best, axis=1)
        return found, apart + np.einsum("ij,ij->i", turned, turned)[:, None]


def _smallest(values: FloatArray, k: int) -> tuple[IntArray, FloatArray]:
    """Columns of the k smallest of each row, in no order, and their values; -1 and inf where there are fewer.

    Values and columns are packed into whole numbers, since numpy sorts those several times as fast as it sorts indices;
    values that differ by less than some hundred-thousandth count as equal.
    """
    n, m = values.shape
    if m <= k:
        columns = np.full((n, k), -1, dtype=np.int64)
        columns[:, :m] = np.arange(m)
        return columns, np.pad(values, ((0, 0), (0, k - m)), constant_values=np.inf)
    bits = (m - 1).bit_length()
    packed = (np.clip(values, -_FARTHEST, _FARTHEST) * np.float32(2 ** (30 - bits) / _FARTHEST)).astype(np.int32)
    packed <<= bits
    packed |= np.arange(m, dtype=np.int32)
    packed.partition(k - 1, axis=1)
    columns = (packed[:, :k] & (2**bits - 1)).astype(np.int64)
    return columns, np.take_along_axis(values, columns, axis=1)
