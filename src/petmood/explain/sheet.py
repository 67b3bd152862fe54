"""An explanation -> pictures of it: the maps over the photo, and one sheet with all of it."""

from __future__ import annotations

import io
import json
import textwrap
from importlib.resources import files
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from petmood.bundle import Bundle, Prepared
from petmood.bundle.headline import counted, say, share
from petmood.explain.explanation import Explanation

_SIDE: Final = 224
_GAP: Final = 16
_LINE: Final = 84
_LEGEND: Final = 130
_INK: Final = (29, 28, 26)
_SOFT: Final = (87, 83, 75)


def sheet(bundle: Bundle, prepared: Prepared, explanation: Explanation) -> Image.Image:
    """One picture for people: the photo, its maps, the background test and the nearest training photos."""
    pixels = prepared.pixels
    panels = [("the picture as read", Image.fromarray(pixels))]
    if explanation.cam is not None:
        panels.append((say("map.cam", mood=explanation.mood), overlay(pixels, explanation.cam)))
    if explanation.occlusion is not None:
        panels.append((say("map.occlusion", mood=explanation.mood), overlay(pixels, explanation.occlusion)))
    lines = [explanation.prediction.sentence, *_background(explanation), *_neighbours(explanation)]
    width = max(640, _GAP + len(panels) * (_SIDE + _GAP))
    image = Image.new("RGB", (width, _SIDE + 4 * _GAP + 32 + 22 * len(lines) + _small(bundle, explanation)), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(15)
    for i, (title, panel) in enumerate(panels):
        left = _GAP + i * (_SIDE + _GAP)
        image.paste(panel.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS), (left, _GAP))
        draw.text((left, _GAP + _SIDE + 4), title, fill=_SOFT, font=ImageFont.load_default(13))
    if len(panels) > 1:
        _draw_legend(image, draw, 2 * _GAP + _SIDE)
    top = _SIDE + 3 * _GAP + 28
    for i, line in enumerate(lines):
        draw.text((_GAP, top + 22 * i), line, fill=_INK, font=font)
    _paste_neighbours(image, bundle, explanation, top + 22 * len(lines) + 4)
    return image


def _draw_legend(image: Image.Image, draw: ImageDraw.ImageDraw, left: int) -> None:
    """Under the maps: the scale between the words for little and for much."""
    font, top = ImageFont.load_default(13), _GAP + _SIDE + 22
    little, much = say("map.little"), say("map.much")
    start = left + int(draw.textlength(little, font)) + 6
    draw.text((left, top), little, fill=_SOFT, font=font)
    image.paste(legend(_LEGEND, 10), (start, top + 4))
    draw.text((start + _LEGEND + 6, top), much, fill=_SOFT, font=font)


def _background(explanation: Explanation) -> list[str]:
    found = explanation.background
    if found is None:
        return []
    shares = (
        f"{explanation.mood}: {share(found.probability)}; background blurred {share(found.background_blurred)}, "
        f"masked {share(found.background_masked)}; face masked {share(found.face_masked)}."
    )
    return [shares, *textwrap.wrap(found.sentence, _LINE)]


def _neighbours(explanation: Explanation) -> list[str]:
    if not explanation.neighbours:
        return []
    return textwrap.wrap(counted(n.label for n in explanation.neighbours), _LINE)


def _small(bundle: Bundle, explanation: Explanation) -> int:
    kept = bundle.training_photos
    return 112 if kept is not None and kept.thumbnails is not None and explanation.neighbours else 0


def _paste_neighbours(image: Image.Image, bundle: Bundle, explanation: Explanation, top: int) -> None:
    kept = bundle.training_photos
    if kept is None or kept.thumbnails is None:
        return
    for i, neighbour in enumerate(explanation.neighbours):
        with Image.open(io.BytesIO(kept.thumbnails[neighbour.index])) as thumbnail:
            image.paste(thumbnail.convert("RGB").resize((96, 96)), (_GAP + i * 104, top))


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
