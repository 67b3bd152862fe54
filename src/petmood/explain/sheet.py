"""An explanation -> pictures of it: the maps over the photo, and one sheet with all of it."""

from __future__ import annotations

import io
import textwrap
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from petmood.bundle import Bundle, Prepared
from petmood.explain.explanation import Explanation

# Blue over white to red: evidence against, none, for. Read by people who cannot tell red from green, too.
_AGAINST: Final = np.array([33.0, 102.0, 172.0])
_FOR: Final = np.array([178.0, 24.0, 43.0])
_SIDE: Final = 224
_GAP: Final = 16
_LINE: Final = 84
_INK: Final = (29, 28, 26)
_SOFT: Final = (87, 83, 75)


def overlay(pixels: NDArray[np.uint8], values: NDArray[np.float32], strength: float = 0.65) -> Image.Image:
    """A map over its picture: red where it speaks for the class, blue where against, clear where it says nothing.

    Args:
        pixels: (size, size, 3) uint8 RGB.
        values: (h, w) float map of any size; its largest magnitude has the full colour.
        strength: opacity of the full colour, 0 to 1.
    """
    size = len(pixels)
    field = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
    smooth = np.asarray(field.resize((size, size), Image.Resampling.BICUBIC), dtype=np.float64)
    weight = smooth / max(float(np.abs(smooth).max()), 1e-12)
    colour = np.where(weight[..., np.newaxis] >= 0, _FOR, _AGAINST)
    opacity = strength * np.abs(weight)[..., np.newaxis]
    mixed = (1 - opacity) * pixels + opacity * colour
    return Image.fromarray(np.clip(mixed, 0, 255).astype(np.uint8))


def sheet(bundle: Bundle, prepared: Prepared, explanation: Explanation) -> Image.Image:
    """One picture for people: the photo, its maps, the background test and the nearest training photos."""
    pixels = prepared.pixels
    panels = [("the picture as read", Image.fromarray(pixels))]
    if explanation.cam is not None:
        centred = explanation.cam - explanation.cam.mean()
        panels.append((f"evidence for {explanation.mood}", overlay(pixels, centred)))
    if explanation.occlusion is not None:
        panels.append((f"lost when covered: {explanation.mood}", overlay(pixels, explanation.occlusion)))
    lines = [explanation.prediction.sentence, *_background(explanation), *_neighbours(explanation)]
    width = max(640, _GAP + len(panels) * (_SIDE + _GAP))
    image = Image.new("RGB", (width, _SIDE + 3 * _GAP + 24 + 22 * len(lines) + _small(bundle, explanation)), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(15)
    for i, (title, panel) in enumerate(panels):
        left = _GAP + i * (_SIDE + _GAP)
        image.paste(panel.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS), (left, _GAP))
        draw.text((left, _GAP + _SIDE + 4), title, fill=_SOFT, font=ImageFont.load_default(13))
    top = _SIDE + 2 * _GAP + 20
    for i, line in enumerate(lines):
        draw.text((_GAP, top + 22 * i), line, fill=_INK, font=font)
    _paste_neighbours(image, bundle, explanation, top + 22 * len(lines) + 4)
    return image


def _background(explanation: Explanation) -> list[str]:
    found = explanation.background
    if found is None:
        return []
    shares = (
        f"{explanation.mood}: {found.probability:.0%}; background blurred {found.background_blurred:.0%}, "
        f"masked {found.background_masked:.0%}; face masked {found.face_masked:.0%}."
    )
    return [shares, *textwrap.wrap(found.sentence, _LINE)]


def _neighbours(explanation: Explanation) -> list[str]:
    if not explanation.neighbours:
        return []
    nearest = ", ".join(f"{n.label} ({n.distance:.2f})" for n in explanation.neighbours)
    return textwrap.wrap(f"Nearest training photos, with their labels and distances: {nearest}.", _LINE)


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
