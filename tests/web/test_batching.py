"""Pictures of a crowd: each is answered by itself, cores take shares of what waits, and nobody is left waiting."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

pytest.importorskip("fastapi")

from drawing import saved
from petmood.bundle import Bundle, Outputs, Prepared
from petmood.bundle.inputs import prepare
from petmood.errors import ImageError, ModelError
from petmood.threads import BATCH
from petmood.web.batching import Batcher

SIDE, LIMIT = 8, 10**6


class Counting:
    """Stands for a bundle: the "probability" that it gives is the mean of a picture's pixels."""

    size = SIDE

    def __init__(self, threads: int, before: Callable[[], object] = lambda: None) -> None:
        self.threads, self.before = threads, before
        self.batches: list[int] = []
        self._lock = threading.Lock()

    def prepare(self, data: bytes, source: str | None = None) -> Prepared:
        return prepare(data, SIDE, source)

    def infer(self, pixels: NDArray[np.uint8]) -> Outputs:
        return self.infer_alone(pixels)

    def infer_alone(self, pixels: NDArray[np.uint8]) -> Outputs:
        self.before()
        with self._lock:
            self.batches.append(len(pixels))
        means = pixels.mean(axis=(1, 2, 3), dtype=np.float32)[:, None]
        return Outputs(means, means, means, None, None)


def grey(level: int) -> bytes:
    return saved(Image.new("RGB", (SIDE, SIDE), (level, level, level)), "PNG")


def answered(bundle: Counting, pictures: list[bytes]) -> list[float | BaseException]:
    """What each of the pictures that come at once is told: the mean of its outputs, or the error."""

    async def all_of_them() -> list[tuple[Prepared, Outputs] | BaseException]:
        batcher = Batcher(cast(Bundle, bundle), decoders=1, queue=1000)
        try:
            reads = (batcher.read(data, f"{i}", LIMIT) for i, data in enumerate(pictures))
            found = await asyncio.gather(*reads, return_exceptions=True)
            assert batcher.pending == 0
            return found
        finally:
            await batcher.stop()

    found = asyncio.run(all_of_them())
    return [one if isinstance(one, BaseException) else float(one[1].probabilities[0, 0]) for one in found]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_each_of_a_crowd_gets_its_own_answer_in_few_batches(threads: int) -> None:
    bundle = Counting(threads)
    assert answered(bundle, [grey(level) for level in range(50)]) == list(range(50))
    assert max(bundle.batches) <= BATCH
    assert sum(bundle.batches) == 50
    assert len(bundle.batches) < 50


def test_cores_work_at_once() -> None:
    both = threading.Barrier(2)
    arrived = iter(range(2))

    def wait() -> None:
        if next(arrived, None) is not None:
            both.wait(timeout=20)

    assert answered(Counting(2, wait), [grey(level) for level in range(9)]) == list(range(9))


def test_an_unreadable_picture_spoils_no_other() -> None:
    pictures = [grey(level) for level in range(12)]
    pictures[5] = b"no picture"
    found = answered(Counting(2), pictures)
    assert isinstance(found[5], ImageError)
    assert [one for i, one in enumerate(found) if i != 5] == [i for i in range(12) if i != 5]
    assert all(isinstance(one, ImageError) for one in answered(Counting(2), [b"no", b"none"] * 4))


def test_what_fails_is_told_to_all_who_wait_for_it() -> None:
    def fail() -> None:
        raise ModelError("the graph failed")

    assert all(isinstance(one, ModelError) for one in answered(Counting(2, fail), [grey(1)] * 9))


def test_who_hangs_up_is_not_read_and_keeps_no_place() -> None:
    async def crowd() -> None:
        inferring, go = threading.Event(), threading.Event()

        def wait() -> None:
            inferring.set()
            go.wait(timeout=20)

        bundle = Counting(1, wait)
        batcher = Batcher(cast(Bundle, bundle), decoders=1, queue=1000)
        reads = [asyncio.create_task(batcher.read(grey(i), "", LIMIT)) for i in range(8)]
        await asyncio.to_thread(inferring.wait, 20)
        for read in reads[3:]:
            read.cancel()
        await asyncio.gather(*reads[3:], return_exceptions=True)
        go.set()
        await asyncio.gather(*reads[:3])
        assert (await batcher.read(grey(9), "", LIMIT))[1].probabilities[0, 0] == 9
        assert sum(bundle.batches) == 4
        await batcher.stop()

    asyncio.run(crowd())


def test_a_server_that_stops_leaves_nobody_waiting() -> None:
    async def crowd() -> None:
        go = threading.Event()
        batcher = Batcher(cast(Bundle, Counting(1, lambda: go.wait(20))), decoders=1, queue=1000)
        reads = [asyncio.create_task(batcher.read(grey(i), "", LIMIT)) for i in range(8)]
        await asyncio.sleep(0.02)
        await batcher.stop(0.05)
        waiting = asyncio.gather(*reads[1:], return_exceptions=True)
        found = await asyncio.wait_for(waiting, 10)
        assert all(isinstance(one, asyncio.CancelledError) for one in found)
        go.set()
        await asyncio.gather(*reads, return_exceptions=True)

    asyncio.run(crowd())
