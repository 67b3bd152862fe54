"""Manifest and backbone -> FeatureTable: decoding overlaps inference, and what the cache knows is not done again."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from petmood import images
from petmood.cache import ContentCache
from petmood.errors import ModelError
from petmood.features.backbones import Backbone
from petmood.records import FeatureTable, FloatArray, Manifest
from petmood.sources import Source

if TYPE_CHECKING:
    import onnxruntime as ort

BATCH: Final = 32
_AHEAD: Final = 3  # decoded batches waiting; bounds memory whatever the number of images


def open_session(
    backbone: Backbone, threads: int | None = None, providers: Sequence[str] = ("CPUExecutionProvider",)
) -> ort.InferenceSession:
    """An ONNX Runtime session, by default on the CPU.

    Raises:
        ModelError: the graph cannot be loaded.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or os.cpu_count() or 1
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(str(backbone.graph), options, providers=list(providers))
    except Exception as error:  # ONNX Runtime raises its own undocumented exception types
        raise ModelError(
            f"{backbone.graph} cannot be loaded by ONNX Runtime: {error}. Delete it to make it anew."
        ) from error


def embed_batch(
    session: ort.InferenceSession, backbone: Backbone, pixels: NDArray[np.uint8]
) -> tuple[FloatArray, FloatArray | None]:
    """(n, size, size, 3) uint8 RGB -> (n, dim) features and (n, n_outputs) logits (None without a head), float32."""
    wanted = [backbone.features] + ([backbone.logits] if backbone.logits else [])
    outputs = session.run(wanted, {session.get_inputs()[0].name: backbone.preprocess.apply(pixels)})
    return outputs[0], outputs[1] if backbone.logits else None


def extract_features(
    manifest: Manifest,
    source: Source,
    backbone: Backbone,
    cache: ContentCache,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> FeatureTable:
    """Features of every image of a manifest, in its order.

    Images with equal bytes are inferred once. Finished batches are stored as they come, so that an interrupted run
    resumes where it stopped.

    Args:
        manifest: which images.
        source: where their bytes are.
        backbone: the frozen network.
        cache: where features are kept by content.
        progress: called with (images done, images to do).
    """
    first_of: dict[str, int] = {}
    for i, record in enumerate(manifest.records):
        first_of.setdefault(record.sha256, i)
    known = cache.get_many(backbone.key, list(first_of))
    todo = [i for sha, i in first_of.items() if sha not in known]
    done = len(first_of) - len(todo)
    if progress:
        progress(done, len(first_of))
    if todo:
        session = open_session(backbone)
        for index, pixels in decoded_batches(todo, manifest, source, backbone.preprocess.size):
            vectors, logits = embed_batch(session, backbone, pixels)
            rows = {manifest.records[i].sha256: pack_row(vectors, logits, row) for row, i in enumerate(index)}
            cache.put_many(backbone.key, rows)
            known.update(rows)
            done += len(index)
            if progress:
                progress(done, len(first_of))
    return _table(manifest, backbone, known)


def pack_row(vectors: FloatArray, logits: FloatArray | None, row: int) -> bytes:
    """What the cache holds of one image: the vector's length, the vector, the logits."""
    head = np.uint32(vectors.shape[1]).tobytes()
    tail = logits[row].tobytes() if logits is not None else b""
    return b"".join((head, vectors[row].tobytes(), tail))


def unpack_vector(value: bytes) -> FloatArray:
    """(dim,) float32: the vector of a value that `pack_row` made."""
    return np.frombuffer(value, dtype=np.float32, offset=4, count=int(np.frombuffer(value, np.uint32, count=1)[0]))


def _table(manifest: Manifest, backbone: Backbone, known: dict[str, bytes]) -> FeatureTable:
    rows = [np.frombuffer(known[r.sha256], dtype=np.float32, offset=4) for r in manifest.records]
    dim = int(np.frombuffer(known[manifest.records[0].sha256], dtype=np.uint32, count=1)[0])
    both = np.stack(rows)
    logits = both[:, dim:] if both.shape[1] > dim else None
    return FeatureTable(backbone.name, np.ascontiguousarray(both[:, :dim]), logits, backbone.key)


def decoded_batches(
    todo: Sequence[int], manifest: Manifest, source: Source, size: int
) -> Iterator[tuple[Sequence[int], NDArray[np.uint8]]]:
    """Batches of decoded images, made ahead in a thread while the caller infers (Pillow releases the GIL)."""
    ready: queue.Queue[tuple[Sequence[int], NDArray[np.uint8]] | BaseException | None] = queue.Queue(_AHEAD)
    stop = threading.Event()

    def offer(item: tuple[Sequence[int], NDArray[np.uint8]] | BaseException | None) -> None:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.1)
                return
            except queue.Full:
                continue

    def read(i: int) -> NDArray[np.uint8]:
        return images.decode(source.read(manifest.records[i].path, images.MAX_FILE_BYTES), size)

    def produce() -> None:
        try:
            with ThreadPoolExecutor(2) as pool:
                for start in range(0, len(todo), BATCH):
                    if stop.is_set():
                        return
                    part = todo[start : start + BATCH]
                    offer((part, np.stack(list(pool.map(read, part)))))
            offer(None)
        except BaseException as error:  # noqa: BLE001 - handed over and raised where the batches are read
            offer(error)

    worker = threading.Thread(target=produce, name="petmood-decode", daemon=True)
    worker.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        worker.join()
