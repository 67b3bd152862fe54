"""Pictures of many requests -> few inferences: each core decodes and infers what waits, a few pictures at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from petmood import images
from petmood.bundle import Bundle, Outputs, Prepared
from petmood.detection import Box, Detector
from petmood.errors import ImageError, ModelError
from petmood.threads import BATCH
from petmood.web.problems import Refusal

_BUSY_SECONDS: Final = 1
_STOP_SECONDS: Final = 2
_QUICK_BYTES: Final = 2**18
"""A picture of so many bytes is decoded in a moment; a larger one would keep the model from others meanwhile."""

_Read = tuple[Prepared, Outputs]


@dataclass(frozen=True)
class _Waiting:
    """A picture as it is or, where decoding it takes long, decoded; its outputs are for `answer`."""

    picture: bytes | Prepared
    name: str
    max_pixels: int
    answer: asyncio.Future[_Read]


class Batcher:
    """Decodes and infers in one thread per core; large pictures are decoded in threads of their own.

    A picture never waits for company: a core that is free starts at once with what waits, its share of it and at most
    `petmood.threads.BATCH` pictures, and works on them by itself (see `petmood.threads`). A picture that comes while
    nothing else is there is inferred on all cores. A lone client so has the latency of bare inference, and a crowd
    the throughput of full batches.
    """

    def __init__(self, bundle: Bundle, *, decoders: int, queue: int, detector: Detector | None = None) -> None:
        self.bundle = bundle
        self.detector = detector
        self._limit = queue
        self._waiting: deque[_Waiting] = deque()
        self._pending = 0
        self._free = bundle.threads
        self._decoders = ThreadPoolExecutor(decoders, thread_name_prefix="petmood-decode")
        self._model = ThreadPoolExecutor(bundle.threads, thread_name_prefix="petmood-infer")
        self.batches = 0

    @property
    def pending(self) -> int:
        """Pictures that were accepted and are not answered yet."""
        return self._pending

    async def stop(self, patience: float = _STOP_SECONDS) -> None:
        """Answer what waits, for so many seconds, then stop; a thread that works on is not waited for."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while self._pending:
                    await asyncio.sleep(0.005)
        for item in self._waiting:
            item.answer.cancel()
        self._waiting.clear()
        for pool in (self._decoders, self._model):
            pool.shutdown(wait=False, cancel_futures=True)

    async def read(self, data: bytes, name: str, max_pixels: int) -> _Read:
        """Decode and infer one picture.

        Raises:
            ImageError: the picture cannot be read, or has more than `max_pixels`.
            Refusal: too many pictures wait.
        """
        self._admit()
        try:
            loop = asyncio.get_running_loop()
            if len(data) > _QUICK_BYTES:
                prepared = await loop.run_in_executor(self._decoders, self._prepare, data, name, max_pixels)
                return await self._queued(prepared, name)
            if self._pending == 1 and self._free == self.bundle.threads:
                return await self._alone(data, name, max_pixels)
            return await self._queued(data, name, max_pixels)
        finally:
            self._pending -= 1

    async def _alone(self, data: bytes, name: str, max_pixels: int) -> _Read:
        self._free -= 1
        try:
            found = await asyncio.get_running_loop().run_in_executor(
                self._model, self._read_alone, data, name, max_pixels
            )
        finally:
            self._free += 1
            self._begin()
        self.batches += 1
        return found

    async def read_animals(self, data: bytes, name: str, max_pixels: int) -> list[_Read]:
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
            return list(await asyncio.gather(*(self._queued(one, name) for one in found)))
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

    async def _queued(self, picture: bytes | Prepared, name: str, max_pixels: int = 0) -> _Read:
        answer: asyncio.Future[_Read] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(picture, name, max_pixels, answer))
        self._begin()
        return await answer

    def _begin(self) -> None:
        """Give each free core its share of what waits."""
        loop = asyncio.get_running_loop()
        while self._free and self._waiting:
            share = min(BATCH, -(-len(self._waiting) // self._free))
            batch = [item for item in (self._waiting.popleft() for _ in range(share)) if not item.answer.done()]
            if not batch:  # nobody waits for these any more
                continue
            self._free -= 1
            loop.run_in_executor(self._model, self._work, batch).add_done_callback(partial(self._answer, batch))

    def _work(self, batch: Sequence[_Waiting]) -> list[_Read | ImageError]:
        """Of each picture its outputs, or why it cannot be read."""
        found = [self._prepared(item) for item in batch]
        readable = [one for one in found if isinstance(one, Prepared)]
        if not readable:
            return [one for one in found if isinstance(one, ImageError)]
        outputs = self.bundle.infer_alone(np.stack([one.pixels for one in readable]))
        rows = iter(range(len(readable)))
        return [(one, outputs.row(next(rows))) if isinstance(one, Prepared) else one for one in found]

    def _answer(self, batch: Sequence[_Waiting], done: asyncio.Future[list[_Read | ImageError]]) -> None:
        self._free += 1
        self._begin()
        if done.cancelled():
            for item in batch:
                item.answer.cancel()
            return
        failed = done.exception()
        found = done.result() if failed is None else [failed] * len(batch)
        for item, one in zip(batch, found, strict=True):
            if item.answer.done():
                continue
            if isinstance(one, BaseException):
                item.answer.set_exception(one)
            else:
                item.answer.set_result(one)
        if failed is None:
            self.batches += 1

    def _prepared(self, item: _Waiting) -> Prepared | ImageError:
        if isinstance(item.picture, Prepared):
            return item.picture
        try:
            return self._prepare(item.picture, item.name, item.max_pixels)
        except ImageError as error:
            return error

    async def infer(self, pixels: NDArray[np.uint8]) -> Outputs:
        """Infer pictures that are prepared already, as soon as a core is free."""
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
