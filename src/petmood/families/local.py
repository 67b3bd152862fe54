"""Pixels of a picture -> local features (SIFT) and a small grey picture: what a photo is recognised by."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from petmood import images
from petmood.records import FloatArray

SIDE: Final = 160
"""Longest side in pixels at which pictures are compared; a larger one is shrunk to it."""

_SEARCHED: Final = 96  # longest side at which features are found: their cost grows with its square

MAX_POINTS: Final = 160
"""Strongest features kept of each picture."""

THUMBNAIL: Final = 12
"""Side in pixels of a thumbnail."""

_VERSION: Final = 3
_CONTRAST: Final = 0.015  # less than half of OpenCV's default: soft fur has weak corners
_INNER, _OUTER = 1.0, 2.2  # half sides, in a feature's scale, of the boxes that tell whether it is light or dark

_CELLS: Final = np.arange(128).reshape(4, 4, 8)
_MIRROR: Final = _CELLS[::-1][:, :, -np.arange(8) % 8].ravel()
"""Order of a SIFT descriptor's 128 numbers after its picture is mirrored: rows of cells swap, angles change sign."""
_INVERT: Final = _CELLS[::-1, ::-1].ravel()
"""Their order after light and dark are exchanged: the feature then points the other way."""


@dataclass(frozen=True)
class LocalFeatures:
    """What one picture is recognised by, strongest feature first.

    Features are described as if each were light on dark, so that a negative has the features of its photo.

    Attributes:
        points: (n, 4) float32: x, y in pixels of the working size, scale in pixels, direction in radians.
        descriptors: (n, 128) uint8 RootSIFT descriptors; all have nearly one length.
        grey: (height, width) uint8 luminance at the working size.
        width, height: the working size in pixels; its longer side is at most `SIDE`.
    """

    points: FloatArray
    descriptors: NDArray[np.uint8]
    grey: NDArray[np.uint8]
    width: int
    height: int

    @cached_property
    def vectors(self) -> FloatArray:
        """(n, 128) float32 descriptors as unit vectors."""
        return unit(self.descriptors)

    @cached_property
    def turned(self) -> FloatArray:
        """(8, 144) float32 thumbnails of the picture in its eight flips and quarter turns, itself first."""
        return np.stack([side.ravel() for side in quarter_turns(thumbnail(self.grey))])


def thumbnail(grey: NDArray[np.uint8]) -> FloatArray:
    """(side, side) float32 thumbnail of mean 0 and length 1 (all zero for a uniform picture)."""
    import cv2

    small = cv2.resize(grey, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA).astype(np.float32)
    small -= small.mean()
    return np.asarray(small / max(float(np.linalg.norm(small)), 1.0), dtype=np.float32)


def quarter_turns(square: NDArray[Any]) -> list[NDArray[Any]]:
    """The eight flips and quarter turns of a picture, the picture itself first."""
    return [np.rot90(side, turn) for side in (square, square[:, ::-1]) for turn in range(4)]


def mirrored(descriptors: NDArray[Any]) -> NDArray[Any]:
    """Descriptors (n, 128) of the mirror image of their picture."""
    return descriptors[:, _MIRROR]


def unit(descriptors: NDArray[np.uint8]) -> FloatArray:
    """(n, 128) float32 descriptors as unit vectors."""
    values = descriptors.astype(np.float32)
    return np.asarray(values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1.0), dtype=np.float32)


def find_local_features(image: Image.Image) -> LocalFeatures:
    """Find the local features of one upright RGB picture: a pure function of its pixels."""
    import cv2

    grey = np.asarray(cv2.cvtColor(np.asarray(image), cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    scale = min(1.0, SIDE / max(grey.shape))
    height, width = (max(1, round(side * scale)) for side in grey.shape)
    if scale < 1:
        grey = np.asarray(cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    ratio = max(1.0, max(width, height) / _SEARCHED)
    searched = (max(1, round(width / ratio)), max(1, round(height / ratio)))
    small = np.asarray(cv2.resize(grey, searched, interpolation=cv2.INTER_AREA) if ratio > 1 else grey, dtype=np.uint8)
    found, raw = cv2.SIFT.create(MAX_POINTS, contrastThreshold=_CONTRAST).detectAndCompute(small, None)
    if not found:
        return LocalFeatures(np.zeros((0, 4), np.float32), np.zeros((0, 128), np.uint8), grey, width, height)
    told = np.array([(*one.pt, one.size / 2, one.angle, -one.response) for one in found], dtype=np.float32)
    order = np.lexsort((told[:, 3], told[:, 1], told[:, 0], told[:, 4]))[:MAX_POINTS]
    points, descriptors = np.ascontiguousarray(told[order, :4]), raw[order]
    points[:, 3] = np.deg2rad(points[:, 3])
    dark = _dark(small, points)
    if ratio > 1:
        stretch = np.array([width / searched[0], height / searched[1]], dtype=np.float32)
        points[:, :2] = (points[:, :2] + 0.5) * stretch - 0.5
        points[:, 2] *= stretch.max()
    descriptors[dark] = descriptors[dark][:, _INVERT]
    points[dark, 3] += np.float32(np.pi)
    root = np.sqrt(descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-9))
    descriptors = np.minimum(np.rint(root * 512), 255).astype(np.uint8)
    return LocalFeatures(points, descriptors, grey, width, height)


def _dark(grey: NDArray[np.uint8], points: FloatArray) -> NDArray[np.bool_]:
    """Which features are darker than what is around them."""
    import cv2

    total = cv2.integral(grey)
    height, width = grey.shape

    def mean(reach: float) -> NDArray[np.float64]:
        half = np.maximum(np.rint(points[:, 2] * reach), 1 if reach == _INNER else 2).astype(np.int64)
        x, y = np.rint(points[:, 0]).astype(np.int64), np.rint(points[:, 1]).astype(np.int64)
        left, right = np.clip(x - half, 0, width - 1), np.clip(x + half + 1, 1, width)
        top, bottom = np.clip(y - half, 0, height - 1), np.clip(y + half + 1, 1, height)
        inside = total[bottom, right] - total[top, right] - total[bottom, left] + total[top, left]
        return np.asarray(inside / ((right - left) * (bottom - top)), dtype=np.float64)

    return mean(_INNER) < mean(_OUTER)


def namespace() -> str:
    """Cache namespace of local features: covers everything that they depend on but the bytes."""
    import cv2

    kind = f"{SIDE}x{_SEARCHED}x{MAX_POINTS}"
    return f"local/v{_VERSION}/decode{images.DECODE_VERSION}/opencv{cv2.__version__}/{kind}"
