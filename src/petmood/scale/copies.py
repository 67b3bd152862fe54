"""The search for copies by tasks of a Ray cluster: local features of a part of the images, verdicts on some pairs.

Workers open the data themselves; features and verdicts come back to the process that asks, which keeps them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final

from petmood.clips import with_frames
from petmood.config import ReadOptions, reading_options
from petmood.errors import require_extra
from petmood.families.local import LocalFeatures, find_local_features
from petmood.families.store import pack_features, unpack_features
from petmood.families.verify import Verdict, verify
from petmood.families.workers import at_work
from petmood.pictures import Pictures
from petmood.records import ImageRecord
from petmood.scale.engines import connected
from petmood.scale.tasks import RayTasks
from petmood.sources import open_source
from petmood.threads import cores, one_opencv_thread, one_thread

_DESCRIBED: Final = 32  # images of a task: what a killed worker loses
_VERIFIED: Final = 8  # pairs of a task


@contextmanager
def ray_at_work(address: str | None, workers: int | None) -> Iterator[None]:
    """Let a Ray cluster do the work of the search for copies inside the block; it is asked for when there is any.

    Args:
        address: of a running cluster; None starts one on this machine.
        workers: how many work at once; by default one for each core of this machine.

    Raises:
        ConfigError: there is no cluster at the address.
        MissingExtraError: the extra `scale` is not installed.
    """
    require_extra("--engine ray", "scale", "ray", "pyarrow")
    n = workers or cores()
    with ExitStack() as open_, at_work(RayWorkers(lambda: RayTasks(open_.enter_context(connected(address, n)), n))):
        yield


class RayWorkers:
    """See `petmood.families.workers.Workers`."""

    def __init__(self, connect: Callable[[], RayTasks]) -> None:
        self._connect = connect

    @cached_property
    def _tasks(self) -> RayTasks:
        return self._connect()

    def describe(
        self, records: Sequence[ImageRecord], pictures: Pictures
    ) -> Iterator[tuple[Sequence[ImageRecord], dict[str, LocalFeatures]]]:
        """Some records after others, and the local features of each by its digest."""
        parts = [records[start : start + _DESCRIBED] for start in range(0, len(records), _DESCRIBED)]
        where = (str(pictures.source.location.absolute()), reading_options())
        made = self._tasks.over(_describe, ((part,) for part in parts), *where)
        for part, packed in zip(parts, made, strict=True):
            yield part, {record.sha256: unpack_features(one) for record, one in zip(part, packed, strict=True)}

    def verify(self, pairs: Sequence[tuple[LocalFeatures, LocalFeatures]]) -> list[Verdict]:
        """Verdict on each pair."""
        packed = [(pack_features(a), pack_features(b)) for a, b in pairs]
        parts = [(packed[start : start + _VERIFIED],) for start in range(0, len(packed), _VERIFIED)]
        return [verdict for made in self._tasks.over(_verify, parts) for verdict in made]


@lru_cache(maxsize=1)
def _opened(location: str, options: ReadOptions) -> Pictures:
    """Open as long as its worker lives, which may be handed many parts; no picture is asked for twice."""
    source = open_source(Path(location), zip_encoding=options.zip_encoding)
    return Pictures(with_frames(source, options.fps), memory=0)


def _describe(location: str, options: ReadOptions, records: Sequence[ImageRecord]) -> list[bytes]:
    pictures = _opened(location, options)
    with one_thread(), one_opencv_thread():
        return [pack_features(find_local_features(pictures.picture(record))) for record in records]


def _verify(pairs: Sequence[tuple[bytes, bytes]]) -> list[Verdict]:
    with one_thread("blas"), one_opencv_thread():
        return [verify(unpack_features(a), unpack_features(b)) for a, b in pairs]
