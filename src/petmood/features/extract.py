"""Records and backbone -> FeatureTable: one batch per core at once, and what the cache knows is not done again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from petmood.cache import ContentCache
from petmood.features.backbones import Backbone
from petmood.features.graphs import open_graph
from petmood.pictures import Pictures, Work, map_images
from petmood.progress import Tick, silent
from petmood.records import FeatureTable, FloatArray, ImageRecord, Manifest

if TYPE_CHECKING:
    import onnxruntime as ort

OfPixels = Callable[[NDArray[np.uint8]], Sequence[bytes]]
"""(n, side, side, 3) uint8 RGB -> what the cache is to hold of each image."""


def open_session(
    backbone: Backbone, threads: int | None = None, providers: Sequence[str] = ("CPUExecutionProvider",)
) -> ort.InferenceSession:
    """A session of a backbone; see `petmood.features.graphs.open_graph`."""
    return open_graph(backbone.graph, str(backbone.graph), "Delete it to make it anew.", threads, providers)


def embed_batch(
    session: ort.InferenceSession, backbone: Backbone, pixels: NDArray[np.uint8]
) -> tuple[FloatArray, FloatArray | None]:
    """(n, size, size, 3) uint8 RGB -> (n, dim) features and (n, n_outputs) logits (None without a head), float32."""
    wanted = [backbone.features] + ([backbone.logits] if backbone.logits else [])
    outputs = session.run(wanted, {session.get_inputs()[0].name: backbone.preprocess.apply(pixels)})
    return outputs[0], outputs[1] if backbone.logits else None


def extract_features(
    manifest: Manifest, pictures: Pictures, backbone: Backbone, cache: ContentCache, *, progress: Tick = silent
) -> FeatureTable:
    """Features of every image of a manifest, in its order.

    Images with equal bytes are inferred once. What is done is stored as it comes, so that an interrupted run resumes
    where it stopped.

    Args:
        manifest: which images.
        pictures: reads them.
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

    work = of_squares(pictures, backbone.preprocess.size, opened)
    known = map_images(manifest.records, cache, backbone.key, work, progress)
    return _table(manifest, backbone, known)


def of_squares(pictures: Pictures, side: int, opened: Callable[[], OfPixels]) -> Callable[[], Work]:
    """What `map_images` opens, for work on pictures resized to squares of `side` pixels."""

    def work() -> Work:
        of_pixels = opened()

        def values(records: Sequence[ImageRecord]) -> Sequence[bytes]:
            return of_pixels(pictures.pixels(records, side))

        return values

    return work


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
