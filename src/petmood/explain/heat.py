"""A map and its picture -> one picture of both, in the colours that the sheet and the page share, and a legend."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SCALE: Final[dict[str, Any]] = json.loads(files("petmood.explain").joinpath("heat.json").read_text(encoding="utf-8"))
"""How maps are drawn.

The picture is made grey and brought between the levels of `grey`, a share `kept` of its colour left, so that no colour
of the map meets the same colour, or white, in the photo. Over it lie `colours` from little to much: their lightness
rises throughout, so that they are told apart on dark photos, in print and by eyes that do not tell red from green.
Opacity is `strength` * min(1, `rise` * value).
"""


def overlay(pixels: NDArray[np.uint8], values: NDArray[np.float32]) -> Image.Image:
    """A map over its picture: brighter where more speaks for the class, grey where nothing does.

    Args:
        pixels: (size, size, 3) uint8 RGB.
        values: (h, w) float map of any size; what is negative counts as nothing, and the largest has the full colour.
    """
    size = len(pixels)
    field = np.clip(np.asarray(values, dtype=np.float32), 0, None)
    smooth = np.asarray(Image.fromarray(field).resize((size, size), Image.Resampling.BICUBIC), dtype=np.float64)
    return Image.fromarray(blend(pixels, np.clip(smooth / max(float(field.max()), 1e-12), 0, 1)))


def blend(pixels: NDArray[np.uint8], heat: NDArray[np.float64]) -> NDArray[np.uint8]:
    """(h, w, 3) uint8: (h, w, 3) RGB pixels under (h, w) values from 0 to 1."""
    low, high = SCALE["grey"]
    grey = pixels @ np.array([0.299, 0.587, 0.114]) / 255 * (high - low) + low
    under = SCALE["kept"] * pixels + (1 - SCALE["kept"]) * grey[..., np.newaxis]
    opacity = SCALE["strength"] * np.minimum(1, SCALE["rise"] * heat)[..., np.newaxis]
    return np.asarray(np.clip((1 - opacity) * under + opacity * colours(heat), 0, 255), dtype=np.uint8)


def colours(heat: NDArray[np.float64]) -> NDArray[np.float64]:
    """(..., 3) RGB of values from 0 to 1, between the anchors of the scale."""
    anchors = np.array(SCALE["colours"], dtype=np.float64)
    at = np.linspace(0, 1, len(anchors))
    return np.stack([np.interp(heat, at, anchors[:, channel]) for channel in range(3)], axis=-1)


def legend(width: int, height: int) -> Image.Image:
    """The scale from nothing, on the left, to the most."""
    heat = np.broadcast_to(np.linspace(0, 1, width), (height, width))
    return Image.fromarray(blend(np.full((height, width, 3), 128, dtype=np.uint8), heat))
