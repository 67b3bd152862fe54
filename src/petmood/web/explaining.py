"""Pictures that were read -> why they were read so, without holding up the predictions of others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from petmood.bundle import Outputs, Prepared, Unreadable
from petmood.bundle.schema import Record
from petmood.detection import Box
from petmood.explain import Explained, Maps, batches, finish, plan, to_facts
from petmood.web.batching import Batcher
from petmood.web.problems import Refusal

_PART: Final = 8
"""Changed copies inferred together: a prediction that arrives meanwhile waits for one such part at most."""

_BUSY_SECONDS: Final = 5


@dataclass(frozen=True)
class Wanted:
    """What a request wants to know: which maps, whether the background test, and the coverage of prediction sets."""

    maps: Maps
    background: bool
    coverage: float | None


class Explainer:
    """Explains one picture after another, in small parts between which predictions take their turn.

    An explanation with an occlusion map takes 53 inferences. Whatever many clients ask for, the copies of one picture
    alone are in memory, and one part of them is in front of anybody's prediction.
    """

    def __init__(self, batcher: Batcher, queue: int) -> None:
        """Explain with a batcher's model; more than `queue` pictures that wait are turned away."""
        self._batcher = batcher
        self._queue = queue
        self._waiting = 0
        self._turn = asyncio.Semaphore(1)

    async def explain(
        self, pictures: Sequence[tuple[Prepared, Outputs]], wanted: Wanted, gone: Callable[[], Awaitable[bool]]
    ) -> list[Explained]:
        """Explain the pictures of one request.

        Args:
            pictures: each with the model's outputs for it, a batch of one.
            wanted: what to tell of them.
            gone: whether nobody waits for the answer any more; asked between parts.

        Raises:
            Refusal: too many pictures wait, or nobody waits for these.
        """
        if self._waiting + len(pictures) > self._queue:
            raise Refusal(
                503,
                "the server is busy",
                f"{self._waiting} pictures waiting to be explained, {len(pictures)} more, and room for {self._queue}",
                "Try again in a moment, or with fewer pictures.",
                retry_after=_BUSY_SECONDS,
            )
        self._waiting += len(pictures)
        found = []
        try:
            for prepared, outputs in pictures:
                async with self._turn:
                    found.append(await self._one(prepared, outputs, wanted, gone))
        finally:
            self._waiting -= len(pictures)
        return found

    async def _one(
        self, prepared: Prepared, outputs: Outputs, wanted: Wanted, gone: Callable[[], Awaitable[bool]]
    ) -> Explained:
        bundle = self._batcher.bundle
        begun = await asyncio.to_thread(
            plan,
            bundle,
            prepared,
            outputs,
            maps=wanted.maps,
            background=wanted.background,
            coverage=wanted.coverage,
        )
        found = [outputs.probabilities[:0]]
        for part in batches(begun.pixels, _PART):
            if await gone():
                raise Refusal(503, "nobody waits for this explanation", "a closed connection", "Ask again.")
            found.append((await self._batcher.infer(part)).probabilities)
        return to_facts(bundle, finish(bundle, begun, np.concatenate(found)))


class Found(Record):
    """The animals in one picture, the surest first, at most 20: `width` and `height` are the picture's, in pixels."""

    source: str
    width: int
    height: int
    boxes: tuple[Box, ...]


class Detections(Record):
    """What `/v1/detect` answers: pictures in order, and what was unreadable."""

    pictures: tuple[Found, ...]
    errors: tuple[Unreadable, ...]
