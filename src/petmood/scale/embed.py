"""Names of files -> a shard of their vectors in a folder: what every worker of every engine does."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from petmood import images
from petmood.cache import ContentCache
from petmood.errors import ConfigError, DataError, ImageError
from petmood.features.backbones import Backbone
from petmood.features.extract import embed_batch, open_session, pack_row, unpack_vector
from petmood.records import FloatArray
from petmood.scale.places import Files, OutFolder
from petmood.scale.shards import RejectedFile, Rows, Shard, describe, encode, file_name, place_of

if TYPE_CHECKING:
    import onnxruntime as ort

PROVIDERS: Final = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")


def providers(wanted: str) -> tuple[str, ...]:
    """ONNX Runtime's names for "cpu", "cuda" or "auto" (a GPU if ONNX Runtime has one).

    Raises:
        ConfigError: the ONNX Runtime installed cannot use it.
    """
    import onnxruntime as ort

    present = ort.get_available_providers()
    if wanted == "auto":
        wanted = "cuda" if PROVIDERS["cuda"] in present else "cpu"
    if PROVIDERS[wanted] not in present:
        raise ConfigError(
            f"provider '{wanted}' is not there: ONNX Runtime here has {', '.join(present)}. On machines with a GPU, "
            "install onnxruntime-gpu in place of onnxruntime, or choose --provider cpu."
        )
    return (PROVIDERS[wanted], PROVIDERS["cpu"]) if wanted != "cpu" else (PROVIDERS["cpu"],)


@dataclass(frozen=True, slots=True)
class Work:
    """How a worker embeds.

    Attributes:
        batch_size: images in one inference.
        threads: of inference, and as many again that read and decode meanwhile.
        provider: "cpu", "cuda" or "auto".
    """

    batch_size: int = 32
    threads: int = 1
    provider: str = "auto"


@dataclass(frozen=True)
class _Ready:
    """A batch as it comes out of the reading threads: digests, what is known, and the pixels of what is not.

    Attributes:
        sha256: of each file, in the order of its names; "" where it could not be read.
        reasons: why a file gives no vector, by its place in the batch.
        known: vectors by digest.
        fresh: digests of the images to infer.
        pixels: (n_fresh, size, size, 3) uint8.
    """

    names: tuple[str, ...]
    sha256: list[str]
    reasons: dict[int, str]
    known: dict[str, FloatArray]
    fresh: list[str]
    pixels: NDArray[np.uint8]


class ShardMaker:
    """Embeds one part of a set after another into shards; stateful, since a session is costly to open.

    Memory is bounded by a few batches and one shard, whatever the size of the set. A shard whose content is already in
    the folder is left as it is, so that work repeated after a crash neither loses nor doubles a row.
    """

    def __init__(
        self, backbone: Backbone, files: Files, out: OutFolder, work: Work, cache: ContentCache | None = None
    ) -> None:
        self._backbone, self._files, self._out, self._work, self._cache = backbone, files, out, work, cache
        self._size = backbone.preprocess.size
        self._there: dict[str, set[str]] = {}
        for name in out.names():
            self._there.setdefault(name.partition("-")[0], set()).add(name)

    @cached_property
    def _session(self) -> ort.InferenceSession:
        return open_session(self._backbone, self._work.threads, providers(self._work.provider))

    def make(self, names: Sequence[str], tick: Callable[[int], None] = lambda done: None) -> Shard:
        """Embed some files into one shard, unless it is already there.

        Args:
            names: of the files, in the order of the shard's rows.
            tick: called with the number of files done since the last call.

        Raises:
            PetmoodError: the folder cannot be written to, or the provider is not there.
        """
        with ThreadPoolExecutor(self._work.threads + 1, "petmood-read") as pool:
            if earlier := self._there.get(place_of(names)):
                found = self._same(names, list(ahead(pool, self._digest, names, 4 * self._work.threads)), earlier)
                if found is not None:
                    tick(len(names))
                    return found
            size = self._work.batch_size
            parts = (tuple(names[start : start + size]) for start in range(0, len(names), size))
            every, rows = self._rows(ahead(pool, self._prepare, parts, self._work.threads + 2), tick)
        file = file_name(names, every, self._backbone.key)
        self._out.write(file, encode(rows))
        return Shard(file=file, rows=len(rows.paths), dim=rows.vectors.shape[1], rejected=rows.rejected)

    def _same(self, names: Sequence[str], sha256: list[str], earlier: set[str]) -> Shard | None:
        """The shard of these very bytes, if it is there and whole."""
        file = file_name(names, sha256, self._backbone.key)
        try:
            return describe(self._out, file) if file in earlier else None
        except DataError:
            return None  # damaged: it is made anew

    def _rows(self, batches: Iterable[_Ready], tick: Callable[[int], None]) -> tuple[list[str], Rows]:
        """(digest of every file, rejected ones included; the rows)."""
        every: list[str] = []
        paths: list[str] = []
        digests: list[str] = []
        rejected: list[RejectedFile] = []
        vectors: list[FloatArray] = []
        for ready in batches:
            vector_of = ready.known | self._infer(ready)
            for i, (name, sha) in enumerate(zip(ready.names, ready.sha256, strict=True)):
                if i in ready.reasons:
                    rejected.append(RejectedFile(path=_printable(name), reason=ready.reasons[i]))
                else:
                    paths.append(name)
                    digests.append(sha)
                    vectors.append(vector_of[sha])
            every += ready.sha256
            tick(len(ready.names))
        table = np.stack(vectors) if vectors else np.empty((0, self._dim), dtype=np.float32)
        return every, Rows(paths, digests, table, tuple(rejected))

    @property
    def _dim(self) -> int:
        blank = np.zeros((1, self._size, self._size, 3), dtype=np.uint8)
        return int(embed_batch(self._session, self._backbone, blank)[0].shape[1])

    def _infer(self, ready: _Ready) -> dict[str, FloatArray]:
        if not ready.fresh:
            return {}
        vectors, logits = embed_batch(self._session, self._backbone, ready.pixels)
        if self._cache is not None:
            packed = {sha: pack_row(vectors, logits, row) for row, sha in enumerate(ready.fresh)}
            self._cache.put_many(self._backbone.key, packed)
        return dict(zip(ready.fresh, vectors, strict=True))

    def _prepare(self, names: tuple[str, ...]) -> _Ready:
        """Read, digest and decode a batch; runs in a thread while another batch is inferred."""
        reasons: dict[int, str] = {}
        contents = []
        for i, name in enumerate(names):
            try:
                contents.append(self._read(name))
            except ImageError as error:
                reasons[i] = str(error)
                contents.append(b"")
        sha256 = ["" if i in reasons else hashlib.sha256(data).hexdigest() for i, data in enumerate(contents)]
        known = self._cached([sha for sha in sha256 if sha])
        pixels: dict[str, NDArray[np.uint8]] = {}
        for i, (sha, data) in enumerate(zip(sha256, contents, strict=True)):
            if i in reasons or sha in known or sha in pixels:
                continue
            try:
                pixels[sha] = images.decode(data, self._size)
            except ImageError as error:
                reasons[i] = str(error)
        stacked = np.stack(list(pixels.values())) if pixels else np.empty((0, self._size, self._size, 3), np.uint8)
        return _Ready(names, sha256, reasons, known, list(pixels), stacked)

    def _cached(self, sha256: list[str]) -> dict[str, FloatArray]:
        if self._cache is None:
            return {}
        found = self._cache.get_many(self._backbone.key, sha256)
        return {sha: unpack_vector(value) for sha, value in found.items()}

    def _read(self, name: str) -> bytes:
        if _printable(name) != name:
            raise ImageError("its name is not valid Unicode")
        return self._files.read(name, images.MAX_FILE_BYTES)

    def _digest(self, name: str) -> str:
        try:
            return hashlib.sha256(self._read(name)).hexdigest()
        except ImageError:
            return ""


def ahead(
    pool: ThreadPoolExecutor, work: Callable[[_Item], _Made], items: Iterable[_Item], depth: int
) -> Iterator[_Made]:
    """`work` of each item, in order, with at most `depth` of them ahead of the reader in the pool."""
    waiting: deque[Future[_Made]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= depth:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _printable(name: str) -> str:
    return name.encode(errors="surrogateescape").decode(errors="replace")
