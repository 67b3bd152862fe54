"""Manifest and backbone -> FeatureTable: a batch a core at once, and what the cache knows is not done again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from petmood import images
from petmood.cache import ContentCache
from petmood.errors import ModelError
from petmood.features.backbones import Backbone
from petmood.records import FeatureTable, FloatArray, Manifest
from petmood.sources import Source
from petmood.threads import cores, in_streams

if TYPE_CHECKING:
    import onnxruntime as ort

OfPixels = Callable[[NDArray[np.uint8]], Sequence[bytes]]
"""(n, side, side, 3) uint8 RGB -> what the cache is to hold of each image."""


def open_session(
    backbone: Backbone, threads: int | None = None, providers: Sequence[str] = ("CPUExecutionProvider",)
) -> ort.InferenceSession:
    """An ONNX Runtime session, by default on the CPU.

    Args:
        backbone: the network.
        threads: that one inference uses; by default all cores, which answers a single inference soonest. With 1 it
            stays on the thread that asks, and threads that ask at once share the cores best.
        providers: ONNX Runtime's names of what to run on, best first.

    Raises:
        ModelError: the graph cannot be loaded.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or cores()
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

    Images with equal bytes are inferred once. What is done is stored as it comes, so that an interrupted run resumes
    where it stopped.

    Args:
        manifest: which images.
        source: where their bytes are.
        backbone: the frozen network.
        cache: where features are kept by content.
        progress: called with (images done, images to do).
    """

    def opened() -> OfPixels:
        session = open_session(backbone, 1)

        def rows(pixels: NDArray[np.uint8]) -> list[bytes]:
            vectors, logits = embed_batch(session, backbone, pixels)
            return [pack_row(vectors, logits, row) for row in range(len(pixels))]

        return rows

    known = once_each(manifest, source, cache, backbone.key, backbone.preprocess.size, opened, progress)
    return _table(manifest, backbone, known)


def once_each(
    manifest: Manifest,
    source: Source,
    cache: ContentCache,
    key: str,
    side: int,
    opened: Callable[[], OfPixels],
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, bytes]:
    """SHA-256 -> value of each image of a manifest: from the cache what it knows, the rest computed and kept there.

    Args:
        manifest: which images.
        source: where their bytes are.
        cache: where values are kept by content.
        key: the cache's namespace.
        side: images are decoded to squares of so many pixels.
        opened: called once if there is anything to compute; what it gives is called in several threads at once.
        progress: called with (images done, images to do).
    """
    first_of: dict[str, int] = {}
    for i, record in enumerate(manifest.records):
        first_of.setdefault(record.sha256, i)
    known = cache.get_many(key, list(first_of))
    todo = [i for sha, i in first_of.items() if sha not in known]
    done = len(first_of) - len(todo)
    if progress:
        progress(done, len(first_of))
    if todo:
        of_pixels = opened()

        def work(index: Sequence[int]) -> Sequence[bytes]:
            return of_pixels(decoded(index, manifest, source, side))

        with cache.writer(key) as put:
            for index, values in in_streams(todo, work):
                rows = {manifest.records[i].sha256: value for i, value in zip(index, values, strict=True)}
                put(rows)
                known.update(rows)
                done += len(index)
                if progress:
                    progress(done, len(first_of))
    return known


def decoded(index: Sequence[int], manifest: Manifest, source: Source, side: int) -> NDArray[np.uint8]:
    """(len(index), side, side, 3) uint8 RGB: some images of a manifest."""
    pixels = np.empty((len(index), side, side, 3), dtype=np.uint8)
    for row, i in enumerate(index):
        pixels[row] = images.decode(source.read(manifest.records[i].path, images.MAX_FILE_BYTES), side)
    return pixels


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
