"""Manifest -> activations at half depth of EfficientNet-Lite0 for several views of each image, cached by content.

The lower half of a network pre-trained on ImageNet is general and costs most of the time. It is frozen and run once;
`petmood.training.upper_half` trains the upper half on its activations, so that fine-tuning costs what a head costs.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from petmood.cache import ContentCache, cache_dir
from petmood.features.augment import views_of
from petmood.features.backbones import GRAPH_VERSION, kept_graph
from petmood.features.efficientnet_lite import VARIANTS
from petmood.features.graphs import open_graph
from petmood.pictures import Pictures, Work, map_images
from petmood.progress import Tick, silent
from petmood.records import ImageRecord, Manifest
from petmood.threads import BATCH

TRUNK_VERSION: Final = 1
"""Raise it when the augmentation or the cut changes: it is part of the cache key, and of the seed of random views."""

CUT: Final = 8
"""Blocks 0 to CUT - 1 of the 16 are the trunk."""

SIZE: Final = 160
SHAPE: Final = (80, SIZE // 16, SIZE // 16)
"""Of one view's activations: channels, height, width."""

VIEWS: Final = 4
"""The image, its mirror image, and random crops with mirrored, turned and recoloured copies."""


_PART: Final = 256
"""Images whose activations are in memory twice."""


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
    manifest: Manifest, pictures: Pictures, cache: ContentCache, *, progress: Tick = silent
) -> NDArray[np.float16]:
    """(n_images, VIEWS, *SHAPE) float16 activations; view 0 is the image, view 1 its mirror image, the rest are random.

    The random views of an image follow from its content alone.

    Args:
        manifest: which images.
        pictures: reads them.
        cache: where activations are kept by content.
        progress: called with (images done, images to do).
    """
    key = f"trunk/{TRUNK_VERSION}.{GRAPH_VERSION}/{VARIANTS[0].sha256[:16]}/{CUT}/{SIZE}/{VIEWS}"

    @functools.cache
    def opened() -> Work:
        graph = trunk_graph()
        session = open_graph(graph, str(graph), "Delete it to make it anew.", 1)

        def activations(records: Sequence[ImageRecord]) -> list[bytes]:
            views = [view for r in records for view in views_of(r, pictures, SIZE, VIEWS, str(TRUNK_VERSION))]
            values = ((np.stack(views).astype(np.float32) - 127) / 128).transpose(0, 3, 1, 2)
            [made] = session.run(None, {"pixels": np.ascontiguousarray(values)})
            made = made.astype(np.float16)
            return [made[i : i + VIEWS].tobytes() for i in range(0, len(made), VIEWS)]

        return activations

    records = manifest.records
    out = np.empty((len(records), VIEWS, *SHAPE), dtype=np.float16)
    # a part at a time: the values of all images as bytes beside `out` would take its memory twice
    for start in range(0, len(records), _PART):
        part = records[start : start + _PART]
        told = functools.partial(lambda start, done, _: progress(start + done, len(records)), start)
        known = map_images(part, cache, key, opened, told, batch=BATCH // VIEWS)
        for row, record in enumerate(part, start):
            out[row] = np.frombuffer(known[record.sha256], dtype=np.float16).reshape(VIEWS, *SHAPE)
        progress(start + len(part), len(records))
    return out


def describe_trunk() -> str:
    """JSON of all that activations depend on, for cache keys of what is made of them."""
    return json.dumps([TRUNK_VERSION, GRAPH_VERSION, VARIANTS[0].sha256, CUT, SIZE, VIEWS])
