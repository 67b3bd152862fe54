"""Names of files -> a shard of their vectors in a folder: what every worker of every engine does."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from threading import Lock, Semaphore
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from petmood import images
from petmood.cache import ContentCache
from petmood.errors import ConfigError, DataError, ImageError
from petmood.features.backbones import Backbone
from petmood.features.extract import embed_batch, open_session, pack_row, unpack_vector
from petmood.records import FloatArray
from petmood.scale.places import Files, OutFolder
from petmood.scale.shards import RejectedFile, Shard, ShardRows, describe, encode, file_name, place_of
from petmood.threads import BATCH, ahead

if TYPE_CHECKING:
    import onnxruntime as ort

PROVIDERS: Final = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}

GPU_BATCH: Final = 32
"""Images in one inference on a GPU, which a few images do not fill."""


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
        threads: of this process, each of which reads, decodes and infers batches of its own.
        batch_size: images in one inference; by default `BATCH` on a CPU and `GPU_BATCH` on a GPU.
        provider: "cpu", "cuda" or "auto".
    """

    threads: int = 1
    batch_size: int | None = None
    provider: str = "auto"


@dataclass(frozen=True)
class _Batch:
    """A batch as its thread leaves it.

    Attributes:
        names: of its files.
        sha256: of each file, in the order of its names; "" where it could not be read.
        reasons: why a file gives no vector, by its place in the batch.
        vectors: by digest.
        fresh: what the cache is to hold of those that it did not know.
    """

    names: tuple[str, ...]
    sha256: list[str]
    reasons: dict[int, str]
    vectors: dict[str, FloatArray]
    fresh: dict[str, bytes]


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
        self._pool = ThreadPoolExecutor(work.threads, "petmood-embed")
        self._opening = Lock()
        self._opened: ort.InferenceSession | None = None
        self._there: dict[str, set[str]] = {}
        for name in out.names():
            self._there.setdefault(name.partition("-")[0], set()).add(name)

    @property
    def _session(self) -> ort.InferenceSession:
        """Opened by the first batch that needs it; each inference stays on the thread that asks."""
        with self._opening:
            if self._opened is None:
                self._opened = open_session(self._backbone, 1, providers(self._work.provider))
            return self._opened

    @cached_property
    def _on_gpu(self) -> bool:
        return providers(self._work.provider)[0] != PROVIDERS["cpu"]

    @property
    def _batch_size(self) -> int:
        return self._work.batch_size or (GPU_BATCH if self._on_gpu else BATCH)

    @cached_property
    def _turns(self) -> Semaphore:
        """A GPU is busy with two inferences; each more would only take of its memory."""
        return Semaphore(2 if self._on_gpu else self._work.threads)

    def make(self, names: Sequence[str], tick: Callable[[int], None] = lambda done: None) -> Shard:
        """Embed some files into one shard, unless it is already there.

        Args:
            names: of the files, in the order of the shard's rows.
            tick: called with the number of files done since the last call.

        Raises:
            PetmoodError: the folder cannot be written to, or the provider is not there.
        """
        threads = self._work.threads
        if earlier := self._there.get(place_of(names)):
            found = self._same(names, list(ahead(self._pool, self._digest, names, 4 * threads)), earlier)
            if found is not None:
                tick(len(names))
                return found
        size = self._batch_size
        parts = (tuple(names[start : start + size]) for start in range(0, len(names), size))
        every, rows = self._rows(ahead(self._pool, self._embed, parts, 2 * threads), len(names), tick)
        file = file_name(names, every, self._backbone.key)
        self._out.write(file, encode(rows))
        return Shard(file=file, rows=len(rows.paths), dim=rows.vectors.shape[1], rejected=rows.rejected)

    def close(self) -> None:
        """End the threads; what is not begun is left."""
        self._pool.shutdown(cancel_futures=True)

    def _same(self, names: Sequence[str], sha256: list[str], earlier: set[str]) -> Shard | None:
        """The shard of these very bytes, if it is there and whole."""
        file = file_name(names, sha256, self._backbone.key)
        try:
            return describe(self._out, file) if file in earlier else None
        except DataError:
            return None  # damaged: it is made anew

    def _rows(self, batches: Iterable[_Batch], n: int, tick: Callable[[int], None]) -> tuple[list[str], ShardRows]:
        """(digest of every one of `n` files, rejected ones included; the rows)."""
        every: list[str] = []
        paths: list[str] = []
        digests: list[str] = []
        rejected: list[RejectedFile] = []
        table: FloatArray | None = None
        writing = self._cache.writer(self._backbone.key) if self._cache is not None else nullcontext(_forget)
        with writing as put:
            for batch in batches:
                put(batch.fresh)
                for i, (name, sha) in enumerate(zip(batch.names, batch.sha256, strict=True)):
                    if i in batch.reasons:
                        rejected.append(RejectedFile(path=_printable(name), reason=batch.reasons[i]))
                    else:
                        vector = batch.vectors[sha]
                        if table is None:
                            table = np.empty((n, len(vector)), dtype=np.float32)
                        table[len(paths)] = vector
                        paths.append(name)
                        digests.append(sha)
                every += batch.sha256
                tick(len(batch.names))
        if table is None:
            table = np.empty((0, self._dim), dtype=np.float32)
        return every, ShardRows(paths, digests, table[: len(paths)], tuple(rejected))

    @property
    def _dim(self) -> int:
        blank = np.zeros((1, self._size, self._size, 3), dtype=np.uint8)
        return int(embed_batch(self._session, self._backbone, blank)[0].shape[1])

    def _embed(self, names: tuple[str, ...]) -> _Batch:
        """Read, digest, decode and infer a batch; runs in several threads at once."""
        reasons: dict[int, str] = {}
        contents = []
        for i, name in enumerate(names):
            try:
                contents.append(self._read(name))
            except ImageError as error:
                reasons[i] = str(error)
                contents.append(b"")
        sha256 = ["" if i in reasons else hashlib.sha256(data).hexdigest() for i, data in enumerate(contents)]
        vectors = self._cached([sha for sha in sha256 if sha])
        pixels: dict[str, NDArray[np.uint8]] = {}
        for i, (sha, data) in enumerate(zip(sha256, contents, strict=True)):
            if i in reasons or sha in vectors or sha in pixels:
                continue
            try:
                pixels[sha] = images.decode(data, self._size)
            except ImageError as error:
                reasons[i] = str(error)
        fresh = {}
        if pixels:
            with self._turns:
                made, logits = embed_batch(self._session, self._backbone, np.stack(list(pixels.values())))
            vectors |= dict(zip(pixels, made, strict=True))
            if self._cache is not None:
                fresh = {sha: pack_row(made, logits, row) for row, sha in enumerate(pixels)}
        return _Batch(names, sha256, reasons, vectors, fresh)

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


def _forget(fresh: Mapping[str, bytes]) -> None:
    """Where there is no cache."""


def _printable(name: str) -> str:
    return name.encode(errors="surrogateescape").decode(errors="replace")
