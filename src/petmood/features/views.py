"""Manifest, backbone and a view of each image -> FeatureTable: features or scores, alone or with the mirror image."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from petmood.cache import ContentCache
from petmood.errors import ConfigError, ModelError
from petmood.features.backbones import Backbone
from petmood.features.extract import OfPixels, extract_features, of_squares, open_session
from petmood.features.trunk import describe_trunk, trunk_activations
from petmood.pictures import Pictures, map_images
from petmood.progress import Tick, silent
from petmood.records import FeatureTable, FloatArray, Manifest

VIEWS_VERSION: Final = 2
"""Raise it when what a view or a pooling computes changes: it is part of the cache key."""

POOLINGS: Final = ("mean", "logits")
"""Ways to make a vector of a backbone's outputs.

mean: the pooled features. logits: the scores of its own head.
"""

TRUNK: Final = "trunk"
"""Another way: activations at half depth of EfficientNet-Lite0 for several views of each image, for fine-tuning."""

MIRRORS: Final = ("none", "average")


@dataclass(frozen=True, slots=True)
class View:
    """What is made of each image.

    Attributes:
        backbone: name of the frozen network.
        pooling: one of `POOLINGS`, or `TRUNK`.
        mirror: "average" averages the vectors of the image and of its mirror image.
    """

    backbone: str
    pooling: str = "mean"
    mirror: str = "none"

    def __post_init__(self) -> None:
        if self.pooling not in (*POOLINGS, TRUNK):
            raise ConfigError(f"unknown pooling '{self.pooling}'. Choose one of: {', '.join(POOLINGS)}.")
        if self.mirror not in MIRRORS:
            raise ConfigError(f"unknown mirror '{self.mirror}'. Choose one of: {', '.join(MIRRORS)}.")

    @property
    def name(self) -> str:
        """A short name, e.g. "efficientnet-lite0:mean+mirror"."""
        return f"{self.backbone}:{self.pooling}{'+mirror' if self.mirror == 'average' else ''}"


def view_features(
    manifest: Manifest,
    pictures: Pictures,
    backbone: Backbone,
    view: View,
    cache: ContentCache,
    *,
    progress: Tick = silent,
) -> FeatureTable:
    """Features of every image of a manifest under a view, in its order; cached by content.

    Returns:
        A table whose `vectors` are (n_images, dim) float32 and whose `logits` is None.

    Raises:
        ModelError: the backbone has no output that the pooling needs.
    """
    if view.pooling == TRUNK:
        activations = trunk_activations(manifest, pictures, cache, progress=progress)
        flat = activations.reshape(len(activations), -1).astype(np.float32)
        return FeatureTable(view.name, flat, None, describe_trunk())
    output_of(view, backbone)
    if view.mirror == "none":
        table = extract_features(manifest, pictures, backbone, cache, progress=progress)
        whole = table.vectors if view.pooling == "mean" else table.logits
        assert whole is not None
        return FeatureTable(view.name, whole, None, f"{table.key}/{view.pooling}")
    key = _key(backbone, view)

    def opened() -> OfPixels:
        session = open_session(backbone, 1)

        def rows(pixels: NDArray[np.uint8]) -> list[bytes]:
            return [row.tobytes() for row in _vectors(session, backbone, view, pixels)]

        return rows

    work = of_squares(pictures, backbone.preprocess.size, opened)
    known = map_images(manifest.records, cache, key, work, progress)
    rows32 = [np.frombuffer(known[r.sha256], dtype=np.float16).astype(np.float32) for r in manifest.records]
    return FeatureTable(view.name, np.stack(rows32), None, key)


def _key(backbone: Backbone, view: View) -> str:
    return f"views/{VIEWS_VERSION}/{backbone.key}/{json.dumps(asdict(view), sort_keys=True)}"


def output_of(view: View, backbone: Backbone) -> str:
    """Name of the network's output that a view reads.

    Raises:
        ModelError: the network has no such output.
    """
    name = backbone.features if view.pooling == "mean" else backbone.logits
    if name is None:
        raise ModelError(f"the backbone {backbone.name} has no head, so no logits. Use pooling 'mean'.")
    return name


def is_half_precision(view: View) -> bool:
    """Whether a view's vectors are kept, and so read by heads, in half precision."""
    return view.mirror != "none"


def _vectors(session: object, backbone: Backbone, view: View, pixels: NDArray[np.uint8]) -> NDArray[np.float16]:
    seen: Sequence[NDArray[np.uint8]] = (pixels, pixels[:, :, ::-1]) if view.mirror == "average" else (pixels,)
    each = [_outputs(session, backbone, view, p) for p in seen]
    # half precision keeps three digits, more than a frozen feature means, and halves the cache
    return np.asarray(np.mean(each, axis=0), dtype=np.float16)


def _outputs(session: object, backbone: Backbone, view: View, pixels: NDArray[np.uint8]) -> FloatArray:
    values: FloatArray = session.run(  # type: ignore[attr-defined]  # ONNX Runtime has no types
        [output_of(view, backbone)],
        {session.get_inputs()[0].name: backbone.preprocess.apply(pixels)},  # type: ignore[attr-defined]
    )[0]
    return values
