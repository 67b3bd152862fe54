"""How long work tells where it stands: stages with (done, total) callbacks, rendered by whoever calls."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Tick = Callable[[int, int], None]
"""Called with (done, total); may be called from one thread at a time, any number of times."""


class Progress(Protocol):
    """A view of a run's stages, e.g. bars in a terminal."""

    def stage(self, title: str) -> AbstractContextManager[Tick]:
        """Show a stage for as long as the context lasts."""
        ...

    def note(self, text: str) -> None:
        """Show one line."""
        ...


class Silent:
    """Shows nothing."""

    @contextmanager
    def stage(self, title: str) -> Iterator[Tick]:
        """A stage that is not shown."""
        yield lambda done, total: None

    def note(self, text: str) -> None:
        """A line that is not shown."""


class Timed:
    """Passes stages on to another view and keeps the wall-clock seconds of each, by a short name."""

    def __init__(self, inner: Progress) -> None:
        self.inner = inner
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str, title: str) -> Iterator[Tick]:
        """Time a stage under `name`, shown as `title`."""
        start = time.perf_counter()
        with self.inner.stage(title) as tick:
            yield tick
        self.seconds[name] = round(self.seconds.get(name, 0.0) + time.perf_counter() - start, 3)
