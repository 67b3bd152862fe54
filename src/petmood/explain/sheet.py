"""An explanation -> pictures of it: the maps over the photo, and one sheet with all of it."""

from __future__ import annotations

import io
import textwrap
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from petmood.bundle import Bundle, Prepared
from petmood.bundle.words import counted, say, share
from petmood.explain.explanation import Explanation
from petmood.explain.heat import legend, overlay

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
