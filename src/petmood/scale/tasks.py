"""A function over many items by tasks of a Ray cluster, in order; what the user can fix arrives as it was raised."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeVar

from petmood.errors import PetmoodError

_Value = TypeVar("_Value")
_AHEAD: Final = 4  # tasks a worker that are handed out before the first is read


class RayTasks:
    """Tasks on a cluster; one whose worker dies is run again, so that each must give the same however often it is run.

    Args:
        ray: connected; see `petmood.scale.engines`.
        workers: how many work at once.
    """

    def __init__(self, ray: Any, workers: int) -> None:
        self._ray, self._workers = ray, workers

    def over(self, work: Callable[..., _Value], items: Iterable[tuple[Any, ...]], *shared: Any) -> Iterator[_Value]:
        """`work(*shared, *item)` of each item, in order; `shared` travels once."""
        task = self._ray.remote(num_cpus=1, max_retries=5)(work)
        kept = [self._ray.put(one) for one in shared]
        waiting = deque[Any]()
        for item in items:
            waiting.append(task.remote(*kept, *item))
            if len(waiting) >= _AHEAD * self._workers:
                yield self._get(waiting.popleft())
        while waiting:
            yield self._get(waiting.popleft())

    def _get(self, reference: Any) -> Any:
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, PetmoodError):  # without Ray's traceback around it
                raise error.cause from error
            raise
