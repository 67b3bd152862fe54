"""`petmood embed`: a set of images of any size -> shards of vectors and their index, by one process or by many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Final, Literal

from pydantic import Field

from petmood.cache import open_cache
from petmood.config import Settings
from petmood.errors import DataError, require_extra
from petmood.features import load_backbone
from petmood.files import claimed_folder
from petmood.ingest.layout import find_layout
from petmood.ingest.reader import why_ignored
from petmood.progress import Progress, Silent, Tick
from petmood.scale.embed import Work
from petmood.scale.engines import Engine, Job, LocalEngine, RayEngine
from petmood.scale.places import absolute, is_url, open_files, open_folder, unfinished
from petmood.scale.shards import SUFFIX, Embedding, chunks, place_of, write_index
from petmood.threads import cores

CACHED: Final = 100_000
"""Sets of more images than this bypass the content cache, which they would only flush: their shards are their cache."""


class EmbedSettings(Settings):
    """What `petmood embed` does.

    Attributes:
        engine: "local", this process, or "ray".
        backbone: the frozen network.
        batch_size: images in one inference; by default as many as suit the provider.
        shard_rows: images in a shard, on average.
        workers: Ray's actors; by default one for each core of this machine.
        threads: cores of each of Ray's actors; the local engine takes all there are unless told. Each has a batch of
            its own in work.
        gpus: share of a GPU for each of Ray's actors; with less than 1, several share one.
        provider: what ONNX Runtime runs on.
        address: of a Ray cluster; None starts one on this machine.
    """

    engine: Literal["local", "ray"] = "local"
    backbone: str = "efficientnet-lite0"
    batch_size: int | None = Field(default=None, ge=1, le=4096)
    shard_rows: int = Field(default=1024, ge=4, le=1_000_000)
    workers: int | None = Field(default=None, ge=1, le=100_000)
    threads: int | None = Field(default=None, ge=1, le=1024)
    gpus: float = Field(default=0.0, ge=0, le=64, strict=False)
    provider: Literal["auto", "cpu", "cuda"] = "auto"
    address: str | None = None

    def make_engine(self, n: int) -> tuple[Engine, Work]:
        """The engine for a set of `n` images, and how each of its workers embeds."""
        if self.engine == "ray":
            work = Work(self.threads or 1, self.batch_size, self.provider)
            return RayEngine(self.address, self.workers or cores(), self.gpus), work
        work = Work(self.threads or cores(), self.batch_size, self.provider)
        return LocalEngine(open_cache() if n <= CACHED else None), work


def embed(data: str, out: str, settings: EmbedSettings, progress: Progress | None = None) -> Embedding:
    """Embed all images of a set into shards in `out`; what is there already is not done again.

    Args:
        data: folder, .zip or URL.
        out: folder or URL; `embedding.json` in it is written last, and names every shard.
        settings: engine, backbone and sizes.
        progress: where to show it.
    """
    require_extra("petmood embed", "tables")
    shown = progress or Silent()
    data, out = absolute(data), absolute(out)
    with nullcontext() if is_url(out) else claimed_folder(Path(out), [data]):
        images = _ImageSet(data)
        with shown.stage(f"Loading {settings.backbone}"):
            backbone = load_backbone(settings.backbone)
        order: dict[str, int] = {}

        def parts() -> Iterator[tuple[str, ...]]:
            for part in chunks(images.names(), settings.shard_rows):
                order[place_of(part)] = len(order)
                yield part

        engine, work = settings.make_engine(images.n)
        with shown.stage("Embedding") as tick:
            count = _Counter(images.n, tick)
            shards = engine.run(Job(data, out, backbone, work), parts(), count.add)
        shards.sort(key=lambda shard: order[shard.file.partition("-")[0]])
        n = sum(shard.rows for shard in shards)
        if not n:
            reason = shards[0].rejected[0].reason if shards else "they were removed meanwhile"
            raise DataError(f"none of the {images.n} images in {data} can be used: {reason}.")
        index = Embedding(
            backbone=backbone.name,
            key=backbone.key,
            dim=shards[0].dim,
            n=n,
            shards=tuple(shards),
            ignored=images.ignored,
        )
        folder = open_folder(out)
        write_index(folder, index)
        kept = {shard.file for shard in shards}
        there = folder.names()
        for name in [*unfinished(there), *(name for name in there if name.endswith(SUFFIX) and name not in kept)]:
            folder.remove(name)
        return index


class _Counter:
    """Adds up what is done for a bar that wants (done, total)."""

    def __init__(self, total: int, tick: Tick) -> None:
        self._done, self._total, self._tick = 0, total, tick
        self.add(0)

    def add(self, more: int) -> None:
        self._done += more
        self._tick(self._done, self._total)


class _ImageSet:
    """The images that `petmood run` would read too, listed anew whenever they are wanted: there may be millions.

    What is held is a name of each folder, since a folder's images are in the set together or not at all.

    Attributes:
        n: number of images.
        ignored: number of other files.
    """

    def __init__(self, data: str) -> None:
        self._data = data
        files = 0
        first: dict[str, str] = {}
        held: Counter[str] = Counter()
        for name in self._walk():
            files += 1
            if not why_ignored(name):
                folder = name.rpartition("/")[0]
                first.setdefault(folder, name)
                held[folder] += 1
        if not first:
            raise DataError(f"no images found in {data} ({files} files, none with an image extension).")
        placed = find_layout(sorted(first.values()), labelled=False, where=data, held=held).placed
        self._folders = frozenset(image.path.rpartition("/")[0] for image in placed)
        self.n = sum(held[folder] for folder in self._folders)
        self.ignored = files - self.n

    def names(self) -> Iterator[str]:
        """Names of the images, sorted."""
        for name in self._walk():
            if name.rpartition("/")[0] in self._folders and not why_ignored(name):
                yield name

    def _walk(self) -> Iterator[str]:
        files = open_files(self._data)
        try:
            yield from files.walk()
        finally:
            files.close()
