"""How long work tells where it stands: stages with (done, total) callbacks, rendered by whoever calls."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Protocol, Self

Tick = Callable[[int, int], None]
"""Called with (done, total); may be called from one thread at a time, any number of times."""


def silent(done: int, total: int) -> None:
    """A `Tick` that shows nothing."""


class Step(str):
    """The title of a stage that is one of several: which, of how many, and how long all of them will still take.

    `left` takes the part of this stage that is done, in [0, 1], and gives seconds, or None if that cannot be told.
    """

    number: int
    of: int
    left: Callable[[float], float | None]

    def __new__(cls, title: str, number: int, of: int, left: Callable[[float], float | None]) -> Self:
        """Make one."""
        made = super().__new__(cls, title)
        made.number, made.of, made.left = number, of, left
        return made


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
        yield silent

    def note(self, text: str) -> None:
        """A line that is not shown."""


class Timed:
    """Passes stages on to another view and keeps the wall-clock seconds of each, by a short name.

    With a plan, each stage is shown as the step that it is of all, and with the time that is left.
    """

    def __init__(self, inner: Progress, plan: Mapping[str, float] | None = None) -> None:
        """Begin.

        Args:
            inner: the view.
            plan: stages in their order, by name, with what share of the work each is, in any unit.
        """
        self.inner = inner
        self.seconds: dict[str, float] = {}
        self._plan = dict(plan or {})
        self._within = 0

    @contextmanager
    def stage(self, name: str, title: str) -> Iterator[Tick]:
        """Time a stage under `name`, shown as `title`."""
        start = time.perf_counter()
        if name in self._plan and self._within == 0:
            title = Step(title, list(self._plan).index(name) + 1, len(self._plan), partial(self._left, name, start))
        self._within += 1
        try:
            with self.inner.stage(title) as tick:
                yield tick
        finally:
            self._within -= 1
        self.seconds[name] = round(self.seconds.get(name, 0.0) + time.perf_counter() - start, 3)

    def without(self, *names: str) -> None:
        """Take stages off the plan that will not come."""
        for name in names:
            self._plan.pop(name, None)

    def _left(self, name: str, start: float, part: float) -> float | None:
        """Seconds until all is done, by what the work took so far; None until that can be told."""
        spent, share = time.perf_counter() - start, self._plan[name]
        paces = [(self.seconds[one], self._plan[one]) for one in self._plan if one in self.seconds and one != name]
        if part > 0.02:
            paces.append((spent, part * share))
        slowest = max((seconds / weight for seconds, weight in paces), default=0.0)
        # what was found in the cache tells nothing of what the rest will take
        counted = [(seconds, weight) for seconds, weight in paces if seconds / weight > slowest / 10]
        if not counted or sum(weight for _, weight in counted) < 0.03 * sum(self._plan.values()):
            return None
        pace = sum(seconds for seconds, _ in counted) / sum(weight for _, weight in counted)
        names = list(self._plan)
        rest = pace * sum(self._plan[one] for one in names[names.index(name) + 1 :])
        return rest + max(pace * share - spent, pace * share * (1 - part) if part else 0.0)
