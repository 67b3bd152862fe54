"""Manifest -> activations at half depth of EfficientNet-Lite0 for several views of each image, cached by content.

The lower half of a network pre-trained on ImageNet is general and costs most of the time. It is frozen and run once;
`petmood.training.upper_half` trains the upper half on its activations, so that fine-tuning costs what a head costs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from petmood import images
from petmood.cache import ContentCache, cache_dir
from petmood.features.augment import augment
from petmood.features.backbones import GRAPH_VERSION, kept_graph
from petmood.features.efficientnet_lite import VARIANTS
from petmood.features.graphs import open_graph
from petmood.pictures import Pictures
from petmood.records import ImageRecord, Manifest
from petmood.threads import BATCH, in_streams

TRUNK_VERSION: Final = 1
"""Raise it when the augmentation or the cut changes: it is part of the cache key, and of the seed of random views."""

CUT: Final = 8
"""Blocks 0 to CUT - 1 of the 16 are the trunk."""

SIZE: Final = 160
SHAPE: Final = (80, SIZE // 16, SIZE // 16)
"""Of one view's activations: channels, height, width."""

VIEWS: Final = 4
"""The image, its mirror image, and random crops with mirrored, turned and recoloured copies."""


def trunk_graph() -> Path:
    """Path of the trunk's ONNX graph, made once, in the cache.

    Raises:
        ModelError: the weights are not the ones petmood knows.
    """
    variant = VARIANTS[0]
    graph = cache_dir() / "backbones" / f"{variant.name}-trunk{CUT}-v{GRAPH_VERSION}-{variant.sha256[:12]}.onnx"
    kept_graph(graph, variant.sha256, lambda target: variant.export_trunk(target, CUT, SIZE))
    return graph


def trunk_activations(
    manifest: Manifest,
    pictures: Pictures,
    cache: ContentCache,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.float16]:
    """(n_images, VIEWS, *SHAPE) float16 activations; view 0 is the image, view 1 its mirror image, the rest are random.

    The random views of an image follow from its content alone.

    Args:
        manifest: which images.
        pictures: reads them.
        cache: where activations are kept by content.
        progress: called with (images done, images to do).
    """
    first_of: dict[str, int] = {}
    for i, record in enumerate(manifest.records):
        first_of.setdefault(record.sha256, i)
    key = f"trunk/{TRUNK_VERSION}.{GRAPH_VERSION}/{VARIANTS[0].sha256[:16]}/{CUT}/{SIZE}/{VIEWS}"
    shas = [r.sha256 for r in manifest.records]
    out = np.empty((len(shas), VIEWS, *SHAPE), dtype=np.float16)
    todo = []
    for start in range(0, len(shas), 256):
        known = cache.get_many(key, shas[start : start + 256])
        for row, sha in enumerate(shas[start : start + 256], start):
            if sha in known:
                out[row] = np.frombuffer(known[sha], dtype=np.float16).reshape(VIEWS, *SHAPE)
            elif first_of[sha] == row:
                todo.append(row)
    if progress:
        progress(len(first_of) - len(todo), len(first_of))
    if todo:
        graph = trunk_graph()
        session = open_graph(graph, str(graph), "Delete it to make it anew.", 1)
        done = len(first_of) - len(todo)

        def work(rows: Sequence[int]) -> NDArray[np.float16]:
            pixels = np.stack([_augmented(manifest.records[row], pictures) for row in rows])
            made = _run(session, pixels.reshape(-1, SIZE, SIZE, 3))
            return made.reshape(len(rows), VIEWS, *SHAPE)

        with cache.writer(key) as put:
            for rows, made in in_streams(todo, work, max(1, BATCH // VIEWS)):
                out[rows] = made
                put({shas[row]: made[i].tobytes() for i, row in enumerate(rows)})
                done += len(rows)
                if progress:
                    progress(done, len(first_of))
    for row, sha in enumerate(shas):
        out[row] = out[first_of[sha]]
    return out


def _run(session: Any, pixels: NDArray[np.uint8]) -> NDArray[np.float16]:
    values = ((pixels.astype(np.float32) - 127) / 128).transpose(0, 3, 1, 2)
    return np.asarray(session.run(None, {"pixels": np.ascontiguousarray(values)})[0], dtype=np.float16)


def _augmented(record: ImageRecord, pictures: Pictures) -> NDArray[np.uint8]:
    """(VIEWS, SIZE, SIZE, 3) uint8 RGB of one image."""
    picture = pictures.picture(record, SIZE)
    plain = images.resize(picture, SIZE)
    seed = int(hashlib.sha256(f"{TRUNK_VERSION}/{record.sha256}".encode()).hexdigest()[:16], 16)
    rng = np.random.default_rng(seed)
    return np.stack([plain, plain[:, ::-1], *(augment(picture, rng, SIZE) for _ in range(VIEWS - 2))])


def describe_trunk() -> str:
    """JSON of all that activations depend on, for cache keys of what is made of them."""
    return json.dumps([TRUNK_VERSION, GRAPH_VERSION, VARIANTS[0].sha256, CUT, SIZE, VIEWS])
