"""Manifest, backbone and a view of each image -> FeatureTable: sizes, mirrors, crops and ways to pool the local map."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from petmood.cache import ContentCache
from petmood.errors import ConfigError, ModelError
from petmood.features.backbones import Backbone
from petmood.features.extract import OfPixels, extract_features, of_squares, open_session
from petmood.features.trunk import describe_trunk, trunk_activations
from petmood.pictures import Pictures, map_images
from petmood.records import FeatureTable, FloatArray, Manifest

VIEWS_VERSION: Final = 1
"""Raise it when what a view or a pooling computes changes: it is part of the cache key."""

POOLINGS: Final = ("mean", "logits", "max", "spread", "parts", "second-order", "tokens")
"""Ways to make a vector of a backbone's outputs.

mean: the pooled features. logits: the scores of its own head. max, spread: the maximum and the standard deviation over
the places of the local map. parts: means of the map's 3 by 3 overlapping parts, so that eyes and mouth keep their
places. second-order: the covariance over places of `PROJECTED` random combinations of channels, signed square root.
tokens: each place's projection to `TOKEN` random combinations of channels, for heads that learn where to look.
"""

TRUNK: Final = "trunk"
"""Another way: activations at half depth of EfficientNet-Lite0 for several views of each image, for fine-tuning."""

MIRRORS: Final = ("none", "average")

PROJECTED: Final = 48
TOKEN: Final = 96
_SEED: Final = 2026


@dataclass(frozen=True, slots=True)
class View:
    """What is made of each image.

    Attributes:
        backbone: name of the frozen network.
        pooling: one of `POOLINGS`, or `TRUNK`.
        size: side in pixels of the input; None is the size the network was trained at.
        mirror: "average" averages the vectors of the image and of its mirror image.
        crop: side of the central square kept, as a share of the image's; 1 keeps all.
    """

    backbone: str
    pooling: str = "mean"
    size: int | None = None
    mirror: str = "none"
    crop: float = 1.0

    def __post_init__(self) -> None:
        if self.pooling not in (*POOLINGS, TRUNK):
            raise ConfigError(f"unknown pooling '{self.pooling}'. Choose one of: {', '.join(POOLINGS)}.")
        if self.mirror not in MIRRORS:
            raise ConfigError(f"unknown mirror '{self.mirror}'. Choose one of: {', '.join(MIRRORS)}.")
        if not 0.1 <= self.crop <= 1:
            raise ConfigError(f"crop must be between 0.1 and 1, got {self.crop}.")

    @property
    def name(self) -> str:
        """A short name, e.g. "efficientnet-lite0:parts@288+mirror"."""
        size = f"@{self.size}" if self.size else ""
        crop = f"x{self.crop:g}" if self.crop < 1 else ""
        return f"{self.backbone}:{self.pooling}{size}{crop}{'+mirror' if self.mirror == 'average' else ''}"


def view_features(
    manifest: Manifest,
    pictures: Pictures,
    backbone: Backbone,
    view: View,
    cache: ContentCache,
    *,
    progress: Callable[[int, int], None] | None = None,
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
    if _is_plain(view):
        table = extract_features(manifest, pictures, backbone, cache, progress=progress)
        whole = table.vectors if view.pooling == "mean" else table.logits
        if whole is None:
            raise ModelError(f"the backbone {backbone.name} has no head, so no logits. Use another pooling.")
        return FeatureTable(view.name, whole, None, f"{table.key}/{view.pooling}")
    key = _key(backbone, view)
    side = view.size or backbone.preprocess.size

    def opened() -> OfPixels:
        session = open_session(backbone, 1)

        def rows(pixels: NDArray[np.uint8]) -> list[bytes]:
            return [row.tobytes() for row in _vectors(session, backbone, view, _crop(pixels, side))]

        return rows

    work = of_squares(pictures, decode_side(view, backbone), opened)
    known = map_images(manifest.records, cache, key, work, progress)
    rows32 = [np.frombuffer(known[r.sha256], dtype=np.float16).astype(np.float32) for r in manifest.records]
    return FeatureTable(view.name, np.stack(rows32), None, key)


def _key(backbone: Backbone, view: View) -> str:
    return f"views/{VIEWS_VERSION}/{backbone.key}/{json.dumps(asdict(view), sort_keys=True)}"


def decode_side(view: View, backbone: Backbone) -> int:
    """Side in pixels of the square to which pictures are decoded for a view."""
    return round((view.size or backbone.preprocess.size) / view.crop)


def is_half_precision(view: View) -> bool:
    """Whether a view's vectors are kept, and so read by heads, in half precision."""
    return not _is_plain(view)


def _is_plain(view: View) -> bool:
    return replace(view, pooling="mean") == View(view.backbone) and view.pooling in ("mean", "logits")


def _crop(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    start = (pixels.shape[1] - side) // 2
    return pixels[:, start : start + side, start : start + side]


def _vectors(session: object, backbone: Backbone, view: View, pixels: NDArray[np.uint8]) -> NDArray[np.float16]:
    seen: Sequence[NDArray[np.uint8]] = (pixels, pixels[:, :, ::-1]) if view.mirror == "average" else (pixels,)
    each = [_pooled(session, backbone, view.pooling, p) for p in seen]
    # half precision keeps three digits, more than a frozen feature means, and halves the cache
    return np.asarray(np.mean(each, axis=0), dtype=np.float16)


def _pooled(session: object, backbone: Backbone, pooling: str, pixels: NDArray[np.uint8]) -> FloatArray:
    output = {"mean": backbone.features, "logits": backbone.logits}.get(pooling, backbone.map)
    if output is None:
        raise ModelError(f"the backbone {backbone.name} has no output for pooling '{pooling}'. Use pooling 'mean'.")
    values: FloatArray = session.run(  # type: ignore[attr-defined]  # ONNX Runtime has no types
        [output],
        {session.get_inputs()[0].name: backbone.preprocess.apply(pixels)},  # type: ignore[attr-defined]
    )[0]
    return values if output != backbone.map else pool_map(values, pooling)


def pool_map(local: FloatArray, pooling: str) -> FloatArray:
    """(n, channels, h, w) float32 local features -> (n, dim) float32 under one of `POOLINGS` that reads a map."""
    n, channels, height, width = local.shape
    places = local.reshape(n, channels, height * width)
    if pooling == "max":
        return np.asarray(places.max(axis=2), dtype=np.float32)
    if pooling == "spread":
        return np.asarray(places.std(axis=2), dtype=np.float32)
    if pooling == "parts":
        rows, columns = thirds(height), thirds(width)
        parts = [
            local[:, :, top:bottom, left:right].mean(axis=(2, 3)) for top, bottom in rows for left, right in columns
        ]
        return np.concatenate(parts, axis=1, dtype=np.float32)
    if pooling == "tokens":
        return np.asarray((projection(channels, TOKEN).T @ places).reshape(n, -1), dtype=np.float32)
    small = projection(channels, PROJECTED).T @ places
    small = small - small.mean(axis=2, keepdims=True)
    covariance = small @ small.transpose(0, 2, 1) / small.shape[2]
    upper = covariance[:, *np.triu_indices(PROJECTED)]
    return np.asarray(np.sign(upper) * np.sqrt(np.abs(upper)), dtype=np.float32)


def thirds(length: int) -> list[tuple[int, int]]:
    """Three overlapping spans of about half of `length` each."""
    span = max(1, (length + 1) // 2)
    return [(start, start + span) for start in (0, (length - span) // 2, length - span)]


@lru_cache(maxsize=8)
def projection(channels: int, dim: int) -> NDArray[np.float64]:
    """(channels, dim): orthonormal columns drawn once and for all, so that nothing is fitted to any data."""
    rng = np.random.default_rng(_SEED)
    return np.linalg.qr(rng.standard_normal((channels, dim)))[0]
