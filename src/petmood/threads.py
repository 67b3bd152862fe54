"""Work in threads, in order and in bounded memory: how every stage that decodes or infers many things keeps cores busy.

A batch is decoded and inferred by one and the same thread, as many threads at once as there are cores, each inference
on its thread alone. Nothing is handed over, no core waits for another inside an operator, and a batch of a few images
stays in the core's cache: together faster than one inference on all cores (docs/performance.md).
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from threading import Condition
from typing import Any, Final, TypeVar

BATCH: Final = 4
"""Images decoded and inferred together by one thread: few, so that what lies between two operators stays in cache."""

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def one_thread(api: str | None = None) -> AbstractContextManager[Any]:
    """While it lasts, libraries below numpy compute in one thread: those of an API ("blas", "openmp"), or all."""
    limited: AbstractContextManager[Any] = _libraries(len(sys.modules)).limit(limits=1, user_api=api)
    return limited


@lru_cache(maxsize=1)
def _libraries(modules: int) -> Any:
    """The loaded libraries that take threads, looked for anew when more modules are, as that takes milliseconds."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def ahead(
    pool: ThreadPoolExecutor, work: Callable[[_Item], _Made], items: Iterable[_Item], depth: int
) -> Iterator[_Made]:
    """`work` of each item, in order, with at most `depth` of them ahead of the reader in the pool."""
    waiting: deque[Future[_Made]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= depth:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def streamed(parts: Iterable[_Item], work: Callable[[_Item], _Made], streams: int | None = None) -> Iterator[_Made]:
    """`work` of each part, in order, one thread per core or `streams` of them; errors are raised where it is read."""
    streams = streams or cores()
    with ThreadPoolExecutor(streams, "petmood-stream") as pool:
        yield from ahead(pool, work, parts, 2 * streams)


def in_streams(
    items: Sequence[_Item], work: Callable[[Sequence[_Item]], _Made], batch: int = BATCH
) -> Iterator[tuple[Sequence[_Item], _Made]]:
    """(batch of items, `work` of it), in order, one thread per core; an error of `work` is raised where it is read."""

    def done(part: Sequence[_Item]) -> tuple[Sequence[_Item], _Made]:
        return part, work(part)

    return streamed((items[start : start + batch] for start in range(0, len(items), batch)), done)


def shares(n: int, streams: int, batch: int = BATCH) -> list[slice]:
    """Cut `n` items for `streams` threads into equal parts of at most `batch`, so that all end together."""
    rounds = -(-n // (streams * batch))
    step = -(-n // (streams * rounds)) if rounds else 1
    return [slice(start, start + step) for start in range(0, n, step)]


class ByteBudget:
    """Bytes of memory that threads share: who needs more than is free waits, and is served in turn.

    A need above the whole budget is met when nobody else holds anything, so that no thread waits for ever.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.held = 0
        self._turn: deque[object] = deque()
        self._changed = Condition()

    @contextmanager
    def reserve(self, n: int) -> Iterator[None]:
        """Hold `n` bytes inside the block. A thread that holds some already must not ask for more."""
        n = min(n, self.total)
        ticket = object()
        with self._changed:
            self._turn.append(ticket)
            try:
                self._changed.wait_for(lambda: self._turn[0] is ticket and self.held + n <= self.total)
                self.held += n
            finally:
                self._turn.remove(ticket)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self.held -= n
                self._changed.notify_all()


@contextmanager
def one_opencv_thread() -> Iterator[None]:
    """OpenCV without threads of its own while many pictures are worked on at once; what was set before comes back."""
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
