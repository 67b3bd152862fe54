"""A function of one shard -> its value for every shard, in order: by threads here, or by tasks of a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TypeVar

from petmood.scale.engines import connected
from petmood.scale.places import open_folder
from petmood.scale.shards import Shard, ShardRows, read_rows
from petmood.scale.tasks import RayTasks
from petmood.threads import ahead, one_thread

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
    with one_thread(), ThreadPoolExecutor(workers, "petmood-shard") as pool:
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
        yield _Ray(RayTasks(ray, workers), folder)


class _Ray:
    def __init__(self, tasks: RayTasks, folder: str) -> None:
        self._tasks, self._folder = tasks, folder

    def over(self, shards: Sequence[Shard], work: OfRows[_Value]) -> Iterator[_Value]:
        return self._tasks.over(_one, ((shard,) for shard in shards), self._folder, work)


def _one(folder: str, work: OfRows[_Value], shard: Shard) -> _Value:
    with one_thread():
        return work(shard, read_rows(open_folder(folder), shard))


def open_passes(engine: str, folder: str, workers: int, address: str | None) -> AbstractContextManager[Passes]:
    """Passes by "local" or "ray"."""
    return ray_passes(folder, workers, address) if engine == "ray" else local_passes(folder, workers)
