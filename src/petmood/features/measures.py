"""Images -> numbers that are no part of a face: size, light, colour, border; kept by content."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from petmood import images
from petmood.cache import ContentCache
from petmood.pictures import Pictures, map_images
from petmood.progress import Tick, silent
from petmood.records import FloatArray, ImageRecord

SIDE: Final = 64
_RING: Final = 6  # pixels of the border, of 64
_NAMESPACE: Final = f"measures/v2/decode{images.DECODE_VERSION}"

LIGHT: Final = slice(0, 4)
COLOUR: Final = slice(4, 12)
BORDER: Final = slice(12, 36)
N_MEASURES: Final = 36

QUALITY: Final = ("sharpness", "brightness", "white", "entropy")
"""What `quality` measures, in order."""

_SHARP_SIDE: Final = 224


def measure(square: NDArray[np.uint8]) -> FloatArray:
    """(36,) float32 of one picture, (64, 64, 3) uint8 RGB: 4 of light, 8 of colour, 24 of the border.

    Light: mean, spread, dark and bright tenth. Colour: mean and spread of red, green, blue and saturation. Border: mean
    and spread of red, green and blue at each of the four sides.
    """
    pixels = square.astype(np.float32)
    light = pixels @ np.array([0.299, 0.587, 0.114], np.float32)
    top, low = pixels.max(axis=2), pixels.min(axis=2)
    channels = np.dstack([pixels, np.where(top > 0, 255 * (top - low) / np.maximum(top, 1), 0)])
    sides = (pixels[:_RING], pixels[-_RING:], pixels[:, :_RING], pixels[:, -_RING:])
    border = [value for side in sides for value in (*side.mean(axis=(0, 1)), *side.std(axis=(0, 1)))]
    return np.array(
        [
            *(light.mean(), light.std(), np.quantile(light, 0.1), np.quantile(light, 0.9)),
            *(*channels.mean(axis=(0, 1)), *channels.std(axis=(0, 1))),
            *border,
        ],
        dtype=np.float32,
    )


def quality(picture: Image.Image) -> FloatArray:
    """(4,) float32 of one upright RGB picture, whatever its shape; `petmood.analyses.audit.quality` tells what of.

    Sharpness: variance of the Laplacian of the greys, with the longer side shrunk to 224 pixels. Brightness: the
    luminance that all but a hundredth of the pixels stay under, 0 to 1. White: share of pixels of 250 and more in all
    channels. Entropy: of the greys, in bits.
    """
    small = picture
    if max(picture.size) > _SHARP_SIDE:
        scale = _SHARP_SIDE / max(picture.size)
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        small = picture.resize(size, Image.Resampling.LANCZOS)
    pixels = np.asarray(small)
    grey = pixels.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    inner = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * inner
    share = np.bincount(np.rint(grey).astype(np.int64).ravel(), minlength=256) / grey.size
    seen = share[share > 0]
    return np.array(
        [
            laplacian.var() if laplacian.size else 0.0,
            np.quantile(grey, 0.99) / 255,
            (pixels.min(axis=2) >= 250).mean(),
            -(seen * np.log2(seen)).sum(),
        ],
        dtype=np.float32,
    )


def measures(
    records: Sequence[ImageRecord], pictures: Pictures, cache: ContentCache, progress: Tick = silent
) -> FloatArray:
    """(n_images, 36) float32: `measure` of each record, in order."""
    return _all(records, pictures, cache, progress)[:, :N_MEASURES]


def quality_measures(records: Sequence[ImageRecord], pictures: Pictures, cache: ContentCache) -> FloatArray:
    """(n_images, 4) float32: `quality` of each record, in order; measured together with `measures`."""
    return _all(records, pictures, cache)[:, N_MEASURES:]


def _all(
    records: Sequence[ImageRecord], pictures: Pictures, cache: ContentCache, progress: Tick = silent
) -> FloatArray:
    def one(record: ImageRecord) -> bytes:
        picture = pictures.picture(record)
        return measure(images.resize(picture, SIDE)).tobytes() + quality(picture).tobytes()

    known = map_images(records, cache, _NAMESPACE, lambda: lambda some: [one(record) for record in some], progress)
    return np.stack([np.frombuffer(known[record.sha256], np.float32) for record in records])


def file_measures(records: Sequence[ImageRecord]) -> dict[str, NDArray[np.float64]]:
    """(n_images, k) float64 by name: what a file system knows of each file without looking at its pixels."""
    formats = sorted({(r.format, r.mode) for r in records})
    sizes = np.array([[r.width, r.height, r.width / r.height] for r in records])
    weights = np.array([[r.size_bytes, r.size_bytes / (r.width * r.height)] for r in records])
    kinds = np.array([[float((r.format, r.mode) == kind) for kind in formats] for r in records])
    return {"size": sizes, "bytes": np.log(weights), "format": kinds}
