"""`petmood embed`: a set of images of any size -> shards of vectors and their index, by one process or by many."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from pydantic import Field

from petmood.cache import ContentCache
from petmood.config import Settings
from petmood.errors import DataError
from petmood.features import load_backbone
from petmood.ingest.layout import find_layout
from petmood.ingest.reader import why_ignored
from petmood.progress import Progress, Silent, Tick
from petmood.scale.embed import Work, cores
from petmood.scale.engines import Engine, Job, LocalEngine, RayEngine
from petmood.scale.places import absolute, is_url, open_files, open_folder, unfinished
from petmood.scale.shards import SUFFIX, Embedding, chunks, place_of, write_index
from petmood.workflows.folders import claim_run_folder

CACHED: Final = 100_000
"""Sets of more images than this bypass the content cache, which they would only flush: their shards are their cache."""


class EmbedSettings(Settings):
    """What `petmood embed` does.

    Attributes:
        engine: "local", this process, or "ray".
        backbone: the frozen network.
        batch_size: images in one inference.
        shard_rows: images in a shard, on average.
        workers: Ray's actors; by default one for each core of this machine.
        threads: cores of each of Ray's actors; the local engine takes all there are unless told.
        gpus: share of a GPU for each of Ray's actors; with less than 1, several share one.
        provider: what ONNX Runtime runs on.
        address: of a Ray cluster; None starts one on this machine.
    """

    engine: Literal["local", "ray"] = "local"
    backbone: str = "efficientnet-lite0"
    batch_size: int = Field(default=32, ge=1, le=4096)
    shard_rows: int = Field(default=1024, ge=4, le=1_000_000)
    workers: int | None = Field(default=None, ge=1, le=100_000)
    threads: int | None = Field(default=None, ge=1, le=1024)
    gpus: float = Field(default=0.0, ge=0, le=64, strict=False)
    provider: Literal["auto", "cpu", "cuda"] = "auto"
    address: str | None = None

    def make_engine(self, n: int) -> tuple[Engine, Work]:
        """The engine for a set of `n` images, and how each of its workers embeds."""
        if self.engine == "ray":
            work = Work(self.batch_size, self.threads or 1, self.provider)
            return RayEngine(self.address, self.workers or cores(), self.gpus), work
        return LocalEngine(ContentCache() if n <= CACHED else None), Work(
            self.batch_size, self.threads or cores(), self.provider
        )


def embed(data: str, out: str, settings: EmbedSettings, progress: Progress | None = None) -> Embedding:
    """Embed all images of a set into shards in `out`; what is there already is not done again.

    Args:
        data: folder, .zip or URL.
        out: folder or URL; `embedding.json` in it is written last, and names every shard.
        settings: engine, backbone and sizes.
        progress: where to show it.

    Raises:
        PetmoodError: anything the user can mend.
    """
    shown = progress or Silent()
    data, out = absolute(data), absolute(out)
    if not is_url(out):
        claim_run_folder(Path(out), Path(data))
    names, ignored = _images(data)
    with shown.stage(f"Loading {settings.backbone}"):
        backbone = load_backbone(settings.backbone)
    parts = list(chunks(names, settings.shard_rows))
    engine, work = settings.make_engine(len(names))
    with shown.stage("Embedding") as tick:
        count = _Counter(len(names), tick)
        shards = engine.run(Job(data, out, backbone, work), parts, count.add)
    order = {place_of(part): i for i, part in enumerate(parts)}
    shards.sort(key=lambda shard: order[shard.file.partition("-")[0]])
    n = sum(shard.rows for shard in shards)
    if not n:
        raise DataError(f"none of the {len(names)} images in {data} can be used: {shards[0].rejected[0].reason}.")
    index = Embedding(
        backbone=backbone.name,
        key=backbone.key,
        dim=shards[0].dim,
        n=n,
        shards=tuple(shards),
        ignored=ignored,
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


def _images(data: str) -> tuple[list[str], int]:
    """(sorted names of the images that `petmood run` would read too, number of other files)."""
    files = open_files(data)
    try:
        found = files.names()
    finally:
        files.close()
    candidates = [name for name in found if not why_ignored(name)]
    if not candidates:
        raise DataError(f"no images found in {data} ({len(found)} files, none with an image extension).")
    names = sorted(placed.path for placed in find_layout(candidates, labelled=False, where=data).placed)
    return names, len(found) - len(names)
