"""Who describes pictures and compares them: threads of this process, unless others are put in force.

What they give is the same, whoever does it: features of a picture and the verdict on two of them are pure functions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from petmood.families.local import LocalFeatures
from petmood.families.verify import Verdict
from petmood.pictures import Pictures
from petmood.records import ImageRecord


class Workers(Protocol):
    """Describes and compares pictures elsewhere."""

    def describe(
        self, records: Sequence[ImageRecord], pictures: Pictures
    ) -> Iterator[tuple[Sequence[ImageRecord], dict[str, LocalFeatures]]]:
        """Some records after others, in order, and the local features of each by its digest."""
        ...

    def verify(self, pairs: Sequence[tuple[LocalFeatures, LocalFeatures]]) -> list[Verdict]:
        """`petmood.families.verify.verify` of each pair."""
        ...


_IN_FORCE: ContextVar[Workers | None] = ContextVar("workers", default=None)


def workers() -> Workers | None:
    """Those in force here; None for this process."""
    return _IN_FORCE.get()


@contextmanager
def at_work(chosen: Workers) -> Iterator[None]:
    """Let others do the work of the search for copies inside the block."""
    before = _IN_FORCE.set(chosen)
    try:
        yield
    finally:
        _IN_FORCE.reset(before)
