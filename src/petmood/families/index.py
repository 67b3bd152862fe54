"""Codes of many vectors -> the nearest of each of others, without comparing all: inverted lists that no data change.

A code is 64 whole numbers. Its cell is the nearest centre of its first half and that of its second, the inverted
multi-index of Babenko and Lempitsky, CVPR 2012; a query looks through the `PROBES` cells nearest to it. Axes and
centres come with petmood (`benchmarks/codebooks.py` makes them of drawn pictures), so that whether a query finds a
vector, and at what distance, depends on the two alone: what is known of a set stays true when vectors are added.
All sums are of whole numbers that float32 holds exactly, and so are distances, whatever the processor and the order.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from petmood.families.local import unit
from petmood.records import FloatArray, IntArray
from petmood.threads import cores, one_thread

DIM: Final = 64
PROBES: Final = 12
FAR: Final = 65_535
"""Squared distance of codes from which on nothing is found."""

NONE: Final = np.iinfo(np.int64).max
"""A key for nothing found. Others have the owner's number in their lower 32 bits, the distance from `DISTANCE` on."""

DISTANCE: Final = 37

Codes = NDArray[np.int8]
Keys = NDArray[np.int64]

_HALF: Final = DIM // 2
SPAN: Final = 0.45
"""What 127 stands for in the code of a descriptor; next to none has more."""

_ASSET: Final = Path(__file__).with_name("codebooks.safetensors")
_SIZES: Final = {"voters": ((128, 1), (2_048, 32), (16_384, 64), (131_072, 128)), "thumbnails": ((16_384, 1),)}
_LARGEST: Final = {"voters": 256, "thumbnails": 64}
_TOGETHER: Final = 2**13  # vectors of a cell that are compared at once: their places take `_PLACE` bits
_PLACE: Final = _TOGETHER.bit_length() - 1
_BLOCK: Final = 2**18  # distances worked out at once: what a core's cache holds
_CELLS: Final = 2**20  # other numbers held at once


@cache
def _asset() -> dict[str, NDArray[Any]]:
    from safetensors.numpy import load

    tensors: dict[str, NDArray[Any]] = load(_ASSET.read_bytes())
    return tensors


def version() -> str:
    """What codes and cells depend on beside the vectors, for cache keys."""
    import hashlib

    rules = f"{DIM} {PROBES} {FAR} {SPAN} {_SIZES} {_LARGEST}"
    return hashlib.sha256(_ASSET.read_bytes() + rules.encode()).hexdigest()[:12]


def encode(descriptors: NDArray[np.uint8]) -> Codes:
    """(n, 64) codes of (n, 128) descriptors."""
    told = _asset()
    turned = (unit(descriptors) - told["mean"]) @ told["axes"]
    return np.asarray(np.clip(np.rint(turned * np.float32(127 / SPAN)), -127, 127), dtype=np.int8)


def mirrored_codes(codes: Codes) -> Codes:
    """Codes of the mirrored descriptors: each axis is even or odd under the mirror."""
    return np.asarray(codes * _asset()["signs"], dtype=np.int8)


def encode_thumbnail(thumbnail: FloatArray) -> Codes:
    """(8, 8) code of a (12, 12) thumbnail of mean 0: the lowest terms of its cosine transform, of length 127."""
    import cv2

    terms = cv2.dct(np.ascontiguousarray(thumbnail, dtype=np.float32))[:8, :8]
    return np.asarray(np.rint(terms * np.float32(127 / max(float(np.linalg.norm(terms)), 1e-3))), dtype=np.int8)


def turned_thumbnails(code: Codes) -> Codes:
    """(8, 8, 8) codes of the eight flips and quarter turns of a thumbnail, itself first, its mirror image second."""
    odd = np.where(np.arange(8) % 2, -1, 1).astype(np.int8)
    sides = [code, code * odd, code * odd[:, None], code * odd * odd[:, None]]
    return np.stack([*sides, *(side.T for side in sides)])


def flat(thumbnails: Codes) -> Codes:
    """(n, 64) of (n, 8, 8) codes: each half has terms of every size."""
    return np.concatenate([thumbnails[:, :, ::2].reshape(-1, _HALF), thumbnails[:, :, 1::2].reshape(-1, _HALF)], axis=1)


def halves(kind: str, n: int) -> int:
    """Centres of each half, by kind and number of pictures: a step takes four times the pictures, or more."""
    sizes = _SIZES[kind]
    place = bisect_left([most for most, _ in sizes], n)
    return sizes[place][1] if place < len(sizes) else _LARGEST[kind]


class Grid:
    """The cells of codes of one kind, "voters" or "thumbnails", for some number of pictures."""

    def __init__(self, kind: str, n: int) -> None:
        self.k = halves(kind, n)
        self._centres: tuple[FloatArray, ...] = ()
        if self.k > 1:
            self._centres = tuple(_asset()[f"{kind}{self.k}"].astype(np.float32))

    def cells(self, codes: Codes) -> NDArray[np.uint16]:
        """(n,) the cell of each code."""
        found = np.zeros(len(codes), dtype=np.uint16)
        if not self._centres:
            return found
        step = _CELLS // self.k

        def some(start: int) -> None:
            part = slice(start, start + step)
            first, second = (apart.argmin(axis=1) for apart in self._apart(codes[part]))
            found[part] = first * self.k + second

        on_cores(some, range(0, len(codes), step))
        return found

    def probes(self, codes: Codes) -> NDArray[np.uint16]:
        """(n, probes) the cells in which each code is looked for."""
        if not self._centres:
            return np.zeros((len(codes), 1), dtype=np.uint16)
        k, step = self.k, _CELLS // (8 * self.k)
        found = np.empty((len(codes), PROBES), dtype=np.uint16)
        # the r-th of one half with the s-th of the other: none behind `PROBES` other pairs is among the nearest
        r, s = _PAIRS

        def some(start: int) -> None:
            part = slice(start, start + step)
            best, near = [], []
            for apart in self._apart(codes[part]):
                # numbers of centres break ties, so that the cells depend on the code alone
                key = apart.astype(np.int32) * k + np.arange(k, dtype=np.int32)
                key = np.sort(np.partition(key, PROBES - 1, axis=1)[:, :PROBES], axis=1)
                best.append(key % k)
                near.append(key // k)
            key = (near[0][:, r] + near[1][:, s]).astype(np.int64) * (k * k) + best[0][:, r] * k + best[1][:, s]
            found[part] = np.partition(key, PROBES - 1, axis=1)[:, :PROBES] % (k * k)

        on_cores(some, range(0, len(codes), step))
        return found

    def _apart(self, codes: Codes) -> Iterator[FloatArray]:
        """Of each half: how far it is from each centre, up to a term that is the same for all centres."""
        for i, centres in enumerate(self._centres):
            part = codes[:, _HALF * i : _HALF * (i + 1)].astype(np.float32)
            yield np.einsum("ij,ij->i", centres, centres) - 2 * part @ centres.T


class NearestIndex:
    """Nearest neighbours among codes; the same whatever the number of threads, and whatever else is held.

    Args:
        grid: the cells.
        owners: (pictures,) int64 below 2**32, ascending: the number of each picture.
        codes: (n, 64) int8 vectors, those of one picture behind those of another.
        ends: (pictures,) int64: where those of each end.
    """

    def __init__(self, grid: Grid, owners: IntArray, codes: Codes, ends: IntArray) -> None:
        self._grid, self._codes, self._owners, self._ends = grid, codes, owners, ends
        parts = [slice(start, start + _BLOCK) for start in range(0, len(codes), _BLOCK)]
        # cells are worked out twice, since those of all at once would take a third of what the order of all takes
        counts = np.zeros(grid.k**2, dtype=np.int64)
        for part in parts:
            counts += np.bincount(grid.cells(codes[part]), minlength=len(counts))
        self._starts = np.concatenate([[0], np.cumsum(counts)])
        self._order = np.empty(len(codes), dtype=np.int32)
        free = self._starts[:-1].copy()
        for part in parts:  # at once, the numbers of all would be wide ones
            cells = grid.cells(codes[part])
            order = np.argsort(cells, kind="stable")
            of = cells[order]
            self._order[free[of] + np.arange(len(of)) - np.searchsorted(of, of)] = order + part.start
            free += np.bincount(cells, minlength=len(free))

    def nearest(self, queries: Codes, k: int, far: int = FAR) -> Keys:
        """(n, k) keys of what is nearest to each, in order; `NONE` where fewer are nearer than `far`."""
        if not len(self._codes):
            return np.full((len(queries), k), NONE)
        cells = len(self._starts) - 1
        probed = self._grid.probes(queries)
        probes = probed.shape[1]
        asking = np.argsort(probed.ravel(), kind="stable")
        bounds = np.searchsorted(probed.ravel()[asking], np.arange(cells + 1))
        apart = np.full((len(asking), k), far, dtype=np.uint16)
        rows = np.zeros((len(asking), k), dtype=np.int32)
        ready = _asking(queries)

        def look(some: range) -> None:
            for cell in some:
                pairs = asking[bounds[cell] : bounds[cell + 1]]
                for start in range(self._starts[cell], self._starts[cell + 1] if len(pairs) else 0, _TOGETHER):
                    members = self._order[start : min(start + _TOGETHER, self._starts[cell + 1])]
                    held = _asked(self._codes[members])
                    step = max(1, _BLOCK // len(members))
                    for at in range(0, len(pairs), step):
                        part = pairs[at : at + step]
                        near, place = _smallest(ready[part // probes] @ held.T, k, far)
                        place = members[place]
                        if start > self._starts[cell]:
                            both = np.concatenate([apart[part], near], axis=1).astype(np.int64) << 32
                            both |= np.concatenate([rows[part], place], axis=1)
                            both = np.sort(both, axis=1)[:, :k]
                            near, place = both >> 32, both & 0xFFFFFFFF
                        apart[part, : near.shape[1]], rows[part, : near.shape[1]] = near, place

        streams = cores()
        on_cores(look, [range(i, cells, streams) for i in range(streams)])
        keys = np.empty((len(queries), k), dtype=np.int64)
        of_probe = np.arange(probes)[:, None]
        step = max(1, _CELLS // (probes * k))
        for start in range(0, len(queries), step):  # at once, the keys of all would be wide ones
            end = min(start + step, len(queries))
            part = slice(start * probes, end * probes)
            shape = (end - start, probes, k)
            # rows ascend as their owners do, so that equally near ones stay in the owners' order
            found = key_of(apart[part].reshape(shape), of_probe, rows[part].reshape(shape), far)
            found = np.partition(found.reshape(end - start, probes * k), k - 1, axis=1)[:, :k]
            found.sort(axis=1)
            held = found != NONE
            owner = self._owners[np.searchsorted(self._ends, found[held] & 0xFFFFFFFF, side="right")]
            found[held] = found[held] >> 32 << 32 | owner
            keys[start:end] = found
        return keys


def key_of(apart: NDArray[Any], probe: NDArray[Any], owner: NDArray[Any], far: int) -> Keys:
    """What sorts as the nearest does: by distance, by which probe found it, by owner."""
    return np.where(apart < far, apart.astype(np.int64) << DISTANCE | probe.astype(np.int64) << 32 | owner, NONE)


def squared_distances(queries: Codes, held: Codes) -> FloatArray:
    """(len(queries), len(held)) float32 of whole numbers."""
    return np.asarray(_asking(queries) @ _asked(held).T, dtype=np.float32)


def _asking(codes: Codes) -> FloatArray:
    """(n, 66) whose product with `_asked` is the squared distance."""
    values = np.empty((len(codes), DIM + 2), dtype=np.float32)
    values[:, :DIM] = codes
    np.einsum("ij,ij->i", values[:, :DIM], values[:, :DIM], out=values[:, DIM])
    values[:, :DIM] *= -2
    values[:, DIM + 1] = 1
    return values


def _asked(codes: Codes) -> FloatArray:
    # an index makes these of all that it holds each time that some are looked for: few passes
    values = np.empty((len(codes), DIM + 2), dtype=np.float32)
    values[:, :DIM] = codes
    np.einsum("ij,ij->i", values[:, :DIM], values[:, :DIM], out=values[:, DIM + 1])
    values[:, DIM] = 1
    return values


def _smallest(apart: FloatArray, k: int, far: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The k smallest of each row, or as many as there are, in no order, and their columns; equal ones by column.

    Packed into one whole number each, since numpy sorts those several times as fast as it sorts indices.
    """
    packed = np.minimum(apart, far, out=apart).astype(np.int32)
    packed <<= _PLACE
    packed |= np.arange(apart.shape[1], dtype=np.int32)
    if apart.shape[1] > k:
        packed.partition(k - 1, axis=1)
        packed = packed[:, :k]
    return packed >> _PLACE, packed & (_TOGETHER - 1)


_PAIRS: Final = np.array([(r, s) for r in range(PROBES) for s in range(PROBES) if (r + 1) * (s + 1) <= PROBES]).T


def on_cores(work: Callable[[Any], object], parts: Iterable[Any]) -> None:
    """Do some work on each part, one thread per core, whose products take no further threads."""
    with one_thread(), ThreadPoolExecutor(cores()) as pool:
        list(pool.map(work, parts))
