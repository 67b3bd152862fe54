"""Bytes of images -> local features (SIFT) and a small grey picture, kept by content: what a photo is recognised by."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from petmood import images
from petmood.cache import ContentCache
from petmood.pictures import Pictures, map_images
from petmood.records import FloatArray, ImageRecord

SIDE: Final = 224
"""Longest side in pixels at which features are found; a larger picture is shrunk to it."""

MAX_POINTS: Final = 256
"""Strongest features kept of each picture."""

_VERSION: Final = 1
_CONTRAST: Final = 0.02  # half of OpenCV's default: soft fur has weak corners
_HEAD: Final = 3

_MIRROR: Final = np.arange(128).reshape(4, 4, 8)[::-1][:, :, -np.arange(8) % 8].ravel()
"""Order of a SIFT descriptor's 128 numbers after its picture is mirrored: rows of cells swap, angles change sign."""


@dataclass(frozen=True, slots=True)
class LocalFeatures:
    """What one picture is recognised by, strongest feature first.

    Attributes:
        points: (n, 2) float32 x and y in pixels of the working size.
        descriptors: (n, 128) uint8 SIFT descriptors.
        grey: (height, width) uint8 luminance at the working size.
        width, height: the working size in pixels; its longer side is at most `SIDE`.
    """

    points: FloatArray
    descriptors: NDArray[np.uint8]
    grey: NDArray[np.uint8]
    width: int
    height: int

    def unit(self, *, mirrored: bool = False) -> FloatArray:
        """(n, 128) float32 descriptors as unit vectors (RootSIFT), of the picture or of its mirror image."""
        raw = self.descriptors[:, _MIRROR] if mirrored else self.descriptors
        values = raw.astype(np.float32)
        values /= np.maximum(values.sum(axis=1, keepdims=True), 1e-9)
        return np.sqrt(values)


def find_local_features(image: Image.Image) -> LocalFeatures:
    """Find the local features of one upright RGB picture."""
    import cv2

    picture = image.convert("L")
    scale = min(1.0, SIDE / max(picture.size))
    width, height = (max(1, round(side * scale)) for side in picture.size)
    if (width, height) != picture.size:
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    found, descriptors = cv2.SIFT.create(MAX_POINTS, contrastThreshold=_CONTRAST).detectAndCompute(
        np.asarray(picture), None
    )
    if not found:
        descriptors = np.zeros((0, 128), np.float32)
    order = sorted(range(len(found)), key=lambda i: (-found[i].response, found[i].pt, found[i].angle))[:MAX_POINTS]
    return LocalFeatures(
        points=np.array([found[i].pt for i in order], dtype=np.float32).reshape(-1, 2),
        descriptors=descriptors[order].astype(np.uint8),
        grey=np.asarray(picture),
        width=width,
        height=height,
    )


def local_features(
    records: Sequence[ImageRecord],
    pictures: Pictures,
    cache: ContentCache,
    progress: Callable[[int, int], None] | None = None,
) -> list[LocalFeatures]:
    """Local features of each record, in order. What was found is kept as it comes, so that a cut-off call resumes.

    Args:
        records: images; those with equal bytes are looked at once.
        pictures: reads them.
        cache: where features are kept by content.
        progress: called with (images done, images to do).
    """

    def of(some: Sequence[ImageRecord]) -> list[bytes]:
        return [_pack(find_local_features(pictures.picture(record))) for record in some]

    known = map_images(records, cache, namespace(), lambda: of, progress)
    unpacked = {sha: _unpack(value) for sha, value in known.items()}
    return [unpacked[record.sha256] for record in records]


def namespace() -> str:
    """Cache namespace of local features: covers everything that they depend on but the bytes."""
    import cv2

    return f"local/v{_VERSION}/decode{images.DECODE_VERSION}/opencv{cv2.__version__}/{SIDE}x{MAX_POINTS}"


def _pack(found: LocalFeatures) -> bytes:
    head = np.array([len(found.points), found.width, found.height], dtype=np.int32)
    parts = (head, found.points, found.descriptors, np.ascontiguousarray(found.grey))
    return zlib.compress(b"".join(part.tobytes() for part in parts), 1)


def _unpack(value: bytes) -> LocalFeatures:
    value = zlib.decompress(value)
    n, width, height = np.frombuffer(value, np.int32, _HEAD).tolist()
    at = 4 * _HEAD
    points = np.frombuffer(value, np.float32, 2 * n, at).reshape(n, 2)
    descriptors = np.frombuffer(value, np.uint8, 128 * n, at + 8 * n).reshape(n, 128)
    grey = np.frombuffer(value, np.uint8, height * width, at + 136 * n).reshape(height, width)
    return LocalFeatures(points, descriptors, grey, width, height)
