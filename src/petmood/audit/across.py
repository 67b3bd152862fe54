"""Manifests of several sources -> one list of photos, and which of them show one photo, within and across sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

import numpy as np

from petmood.audit.families import join_families
from petmood.audit.links import find_links
from petmood.cache import ContentCache
from petmood.errors import DataError
from petmood.records import ImageRecord, IntArray, Manifest
from petmood.sources import Source


class JoinedSource:
    """Several sources as one: the files of source i are named i/..., by their names in it."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = tuple(sources)
        self.location = self._sources[0].location
        self.name = ", ".join(source.name for source in self._sources)

    def names(self) -> list[str]:
        """All file names, sorted."""
        return sorted(self.walk())

    def walk(self) -> Iterator[str]:
        """All file names, source by source."""
        for i, source in enumerate(self._sources):
            yield from (f"{i}/{name}" for name in source.walk())

    def read(self, name: str, limit: int) -> bytes:
        """Bytes of one file."""
        number, _, inner = name.partition("/")
        return self._sources[int(number)].read(inner, limit)

    def close(self) -> None:
        """Close all of them."""
        for source in self._sources:
            source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True)
class Across:
    """Photos of several sources.

    Attributes:
        records: one record a family of each source, source by source; paths as in `JoinedSource`.
        source: (n,) int64 which source each is of.
        index: (n,) int64 which record of its source's manifest it is.
        families: (n,) int64: what shows one photo shares a number, across sources too.
    """

    records: tuple[ImageRecord, ...]
    source: IntArray
    index: IntArray
    families: IntArray


def join_sources(
    manifests: Sequence[Manifest],
    sources: Sequence[Source],
    cache: ContentCache,
    progress: Callable[[int, int], None] | None = None,
) -> Across:
    """One photo a family of each manifest, with the families that pixels join among all of them.

    Args:
        manifests: of the sources, in their order; their own families are kept, and joined where pixels say so.
        sources: where the bytes are.
        cache: keeps what is known of images, and links.
        progress: called with (images looked at, images).

    Raises:
        DataError: no manifests, or not as many as sources.
    """
    if not manifests or len(manifests) != len(sources):
        raise DataError(f"each manifest needs its source, got {len(manifests)} and {len(sources)}.")
    records, source, index = [], [], []
    for number, manifest in enumerate(manifests):
        for i in manifest.photo_index:
            path = f"{number}/{manifest.records[i].path}"
            records.append(replace(manifest.records[i], path=path, family=path, derived=False))
            source.append(number)
            index.append(int(i))
    links = find_links(records, JoinedSource(sources), cache, progress)
    together = replace(manifests[0], records=tuple(records))
    families = join_families(together, links.same, "pixels").family_index
    return Across(tuple(records), np.array(source, dtype=np.int64), np.array(index, dtype=np.int64), families)
