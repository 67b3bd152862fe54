"""Vectors in shards -> k-means in bounded memory: a start from a sample, then Lloyd's exact steps over all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from petmood.errors import PetmoodError
from petmood.records import FloatArray, IntArray
from petmood.scale.engines import connected
from petmood.scale.places import open_folder
from petmood.scale.shards import Shard, ShardRows, read_rows
from petmood.threads import ahead

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
    on_pass: Callable[[int, int], None] = lambda done, total: None,
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


_Value = TypeVar("_Value")

OfRows = Callable[[Shard, ShardRows], _Value]
"""What is computed of one shard; it must give the same however often it is called."""


class Passes(Protocol):
    """Runs a function over all shards, again and again."""

    def over(self, shards: Sequence[Shard], work: OfRows[_Value]) -> Iterator[_Value]:
        """The value of each shard, in the order of the shards."""
        ...


@contextmanager
def local_passes(folder: str, workers: int) -> Iterator[Passes]:
    """Passes by threads of this process; at most `workers` shards and two more are in memory at once."""
    # a thread a shard: in many dimensions, threads within one product of matrices mostly wait for each other
    with threadpool_limits(1), ThreadPoolExecutor(workers, "petmood-shard") as pool:
        yield _Local(folder, workers, pool)


class _Local:
    def __init__(self, folder: str, workers: int, pool: ThreadPoolExecutor) -> None:
        self._folder, self._workers, self._pool = open_folder(folder), workers, pool

    def over(self, shards: Sequence[Shard], work: OfRows[_Value]) -> Iterator[_Value]:
        def one(shard: Shard) -> _Value:
            return work(shard, read_rows(self._folder, shard))

        return ahead(self._pool, one, shards, self._workers + 2)


@contextmanager
def ray_passes(folder: str, workers: int, address: str | None) -> Iterator[Passes]:
    """Passes by tasks of a Ray cluster; a task whose worker dies is run again.

    Raises:
        ConfigError: there is no cluster at the address.
        MissingExtraError: the extra `scale` is not installed.
    """
    with connected(address, workers) as ray:
        yield _Ray(ray, folder, workers)


class _Ray:
    def __init__(self, ray: Any, folder: str, workers: int) -> None:
        self._ray, self._folder, self._workers = ray, folder, workers
        self._task = ray.remote(num_cpus=1, max_retries=5)(_one)

    def over(self, shards: Sequence[Shard], work: OfRows[_Value]) -> Iterator[_Value]:
        shared = self._ray.put(work)
        waiting: list[Any] = []
        for shard in shards:
            waiting.append(self._task.remote(self._folder, shard, shared))
            if len(waiting) >= 4 * self._workers:
                yield self._get(waiting.pop(0))
        for reference in waiting:
            yield self._get(reference)

    def _get(self, reference: Any) -> Any:
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, PetmoodError):  # what the user can fix, without Ray's traceback around it
                raise error.cause from error
            raise


def _one(folder: str, shard: Shard, work: OfRows[_Value]) -> _Value:
    with threadpool_limits(1):
        return work(shard, read_rows(open_folder(folder), shard))


def open_passes(engine: str, folder: str, workers: int, address: str | None) -> AbstractContextManager[Passes]:
    """Passes by "local" or "ray"."""
    return ray_passes(folder, workers, address) if engine == "ray" else local_passes(folder, workers)
