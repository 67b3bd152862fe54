"""Pictures of many requests -> few inferences: whatever waits when the model is free is inferred together."""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from petmood import images
from petmood.bundle import Bundle, Outputs, Prepared
from petmood.detection import Box, Detector
from petmood.errors import ImageError, ModelError
from petmood.web.problems import Refusal

_BUSY_SECONDS: Final = 1
_STOP_SECONDS: Final = 2
_QUICK_BYTES: Final = 2**18
"""A picture of so many bytes is decoded in a moment; a larger one would keep the model from others meanwhile."""


@dataclass(frozen=True)
class _Waiting:
    prepared: Prepared
    answer: asyncio.Future[Outputs]


class Batcher:
    """Decodes in some threads and infers in one, batch by batch.

    A picture never waits for company: an idle model starts at once, and only what arrives while it works is put
    together. A lone client so has the latency of a batch of one, and a crowd has the throughput of full batches.
    """

    def __init__(
        self, bundle: Bundle, *, max_batch: int, decoders: int, queue: int, detector: Detector | None = None
    ) -> None:
        self.bundle = bundle
        self.detector = detector
        self.max_batch = max_batch
        self._limit = queue
        self._waiting: deque[_Waiting] = deque()
        self._pending = 0
        self._wake = asyncio.Event()
        self._decoders = ThreadPoolExecutor(decoders, thread_name_prefix="petmood-decode")
        self._model = ThreadPoolExecutor(1, thread_name_prefix="petmood-infer")
        self._task: asyncio.Task[None] | None = None
        self.batches = 0
        self.pictures = 0

    @property
    def pending(self) -> int:
        """Pictures that were accepted and are not answered yet."""
        return self._pending

    def start(self) -> None:
        """Begin to infer; call it inside a running event loop."""
        self._task = asyncio.create_task(self._run(), name="petmood-batcher")

    async def stop(self) -> None:
        """Answer what waits, for as long as `_STOP_SECONDS`, then stop; a thread that works on is not waited for."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_STOP_SECONDS):
                while self._pending:
                    await asyncio.sleep(0.005)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for pool in (self._decoders, self._model):
            pool.shutdown(wait=False, cancel_futures=True)

    async def read(self, data: bytes, name: str, max_pixels: int) -> tuple[Prepared, Outputs]:
        """Decode and infer one picture.

        Raises:
            ImageError: the picture cannot be read, or has more than `max_pixels`.
            Refusal: too many pictures wait.
        """
        self._admit()
        try:
            loop = asyncio.get_running_loop()
            if self._pending == 1 and len(data) <= _QUICK_BYTES:
                # nobody else is here: one hand-over between threads instead of three
                alone = await loop.run_in_executor(self._model, self._read_alone, data, name, max_pixels)
                self.batches += 1
                self.pictures += 1
                return alone
            prepared = await loop.run_in_executor(self._decoders, self._prepare, data, name, max_pixels)
            return prepared, await self._queued(prepared)
        finally:
            self._pending -= 1

    async def read_animals(self, data: bytes, name: str, max_pixels: int) -> list[tuple[Prepared, Outputs]]:
        """Decode one picture, and infer each animal that the detector finds; the whole picture where it finds none.

        Raises:
            ImageError: as for `read`, or the detector failed.
            Refusal: too many pictures wait, or there is no detector.
        """
        detector = self.needs_detector()
        self._admit()
        try:
            loop = asyncio.get_running_loop()
            found = await loop.run_in_executor(self._decoders, self._prepare_animals, detector, data, name, max_pixels)
            return list(zip(found, await asyncio.gather(*map(self._queued, found)), strict=True))
        finally:
            self._pending -= 1

    async def find(self, data: bytes, max_pixels: int) -> tuple[tuple[int, int], tuple[Box, ...]]:
        """Width and height of a picture, and the animals that the detector finds in it.

        Raises:
            ImageError, Refusal: as for `read_animals`.
        """
        detector = self.needs_detector()
        self._admit()
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._decoders, self._find, detector, data, max_pixels)
        finally:
            self._pending -= 1

    def needs_detector(self) -> Detector:
        """The detector.

        Raises:
            Refusal: there is none.
        """
        if self.detector is None:
            raise Refusal(
                422,
                "this server has no detector of animals",
                "a request for faces",
                "Start it with petmood serve --detector, or send a picture of each animal.",
            )
        return self.detector

    def _admit(self) -> None:
        if self._pending >= self._limit:
            raise Refusal(
                503,
                "the server is busy",
                f"{self._pending} pictures waiting",
                "Try again in a moment.",
                retry_after=_BUSY_SECONDS,
            )
        self._pending += 1

    async def _queued(self, prepared: Prepared) -> Outputs:
        answer: asyncio.Future[Outputs] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(prepared, answer))
        self._wake.set()
        return await answer

    async def infer(self, pixels: NDArray[np.uint8]) -> Outputs:
        """Infer pictures that are prepared already, after the batch under way and before the next one."""
        return await asyncio.get_running_loop().run_in_executor(self._model, self.bundle.infer, pixels)

    def _prepare(self, data: bytes, name: str, max_pixels: int) -> Prepared:
        images.limit_pixels(data, max_pixels)
        return self.bundle.prepare(data, name)

    def _prepare_animals(self, detector: Detector, data: bytes, name: str, max_pixels: int) -> list[Prepared]:
        images.limit_pixels(data, max_pixels)
        try:
            return self.bundle.prepare_animals(data, detector, name)
        except ModelError as error:
            raise ImageError(str(error)) from error

    def _find(self, detector: Detector, data: bytes, max_pixels: int) -> tuple[tuple[int, int], tuple[Box, ...]]:
        images.limit_pixels(data, max_pixels)
        picture = images.open_rgb(data)
        try:
            return picture.size, detector.find(picture)
        except ModelError as error:
            raise ImageError(str(error)) from error

    def _read_alone(self, data: bytes, name: str, max_pixels: int) -> tuple[Prepared, Outputs]:
        prepared = self._prepare(data, name, max_pixels)
        return prepared, self.bundle.infer(prepared.pixels[None])

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            batch = [self._waiting.popleft() for _ in range(min(self.max_batch, len(self._waiting)))]
            if not self._waiting:
                self._wake.clear()
            wanted = [item for item in batch if not item.answer.cancelled()]
            if not wanted:
                continue
            pixels = np.stack([item.prepared.pixels for item in wanted])
            try:
                outputs = await loop.run_in_executor(self._model, self.bundle.infer, pixels)
            except Exception as error:  # noqa: BLE001 - raised again in each request that waits for this batch
                for item in wanted:
                    if not item.answer.done():
                        item.answer.set_exception(error)
                continue
            self.batches += 1
            self.pictures += len(wanted)
            for at, item in enumerate(wanted):
                if not item.answer.done():
                    item.answer.set_result(outputs.row(at))
