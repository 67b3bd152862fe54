"""The easel: fills outlines of a face with furry, softly lit colour on a supersampled picture, and scales it down."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from petmood.demo.geometry import Frame, Points, ribbon

Colour = tuple[int, int, int]
SUPERSAMPLING = 2
_FUR_RINGS, _FUR_SPOKES = 24, 720


@dataclass(frozen=True, slots=True)
class Patch:
    """A marking on a part: an outline in face units, its colour, and how far in front of the head it lies."""

    outline: Points
    colour: Colour
    depth: float = 0.0


class Easel:
    """One picture in the making, `SUPERSAMPLING` times larger than it will be."""

    def __init__(self, background: Image.Image, frame: Frame, rng: np.random.Generator, *, fur: float) -> None:
        """Start from an RGB background of the working size; `fur` in 0..1 is how strong the coat's texture is."""
        self.image = background
        self.frame = frame
        self.draw = ImageDraw.Draw(background)
        self._fur = fur * self._combed_noise(rng)

    def _combed_noise(self, rng: np.random.Generator) -> NDArray[np.float32]:
        """(height, width) float32 noise of about unit deviation, combed outwards from the face's centre like hair."""
        width, height = self.image.size
        hairs = rng.standard_normal((_FUR_RINGS, _FUR_SPOKES), dtype=np.float32)
        hairs = (hairs + np.roll(hairs, 1, axis=1)) / math.sqrt(2.0)
        y, x = np.mgrid[0:height:SUPERSAMPLING, 0:width:SUPERSAMPLING].astype(np.float32)
        dx, dy = x - self.frame.x, y - self.frame.y
        radius = np.hypot(dx, dy) / (self.frame.scale * 0.14)
        spoke = ((np.arctan2(dy, dx) / (2 * math.pi) + 0.5) * (_FUR_SPOKES - 1)).astype(np.int32)
        # Each spoke starts its hairs elsewhere, so that no rings show where one row of the noise ends.
        offset = rng.uniform(0, _FUR_RINGS, _FUR_SPOKES).astype(np.float32)
        ring = (radius + offset[spoke]).astype(np.int32) % _FUR_RINGS
        combed: NDArray[np.float32] = hairs[ring, spoke].repeat(SUPERSAMPLING, 0).repeat(SUPERSAMPLING, 1)
        return combed[:height, :width]

    def _box(self, outline: Points) -> tuple[int, int, int, int] | None:
        """The outline's bounding box in pixels within the picture, or None if it lies outside."""
        width, height = self.image.size
        left, top = np.floor(outline.min(axis=0)).astype(int) - 1
        right, bottom = np.ceil(outline.max(axis=0)).astype(int) + 2
        box = max(0, int(left)), max(0, int(top)), min(width, int(right)), min(height, int(bottom))
        return box if box[0] < box[2] and box[1] < box[3] else None

    def _mask(self, outline: Points, box: tuple[int, int, int, int]) -> Image.Image:
        mask = Image.new("L", (box[2] - box[0], box[3] - box[1]), 0)
        ImageDraw.Draw(mask).polygon(_flat(outline - np.array(box[:2])), fill=255)
        return mask

    def part(
        self,
        outline: Points,
        colour: Colour,
        *,
        depth: float = 0.0,
        patches: Sequence[Patch] = (),
        soft: float = 0.02,
        fur: float = 1.0,
        shade: float = 1.0,
    ) -> None:
        """Fill an outline with a coat: its colour and patches, lit from above left, darker to the rim, with hair on it.

        Args:
            outline: (n, 2) in face units.
            colour: of the coat.
            depth: how far the part lies in front of the head's centre, in face units.
            patches: markings, clipped to the outline.
            soft: blur of the patches' edges, in face units.
            fur: strength of the hair on this part, relative to the whole animal's.
            shade: strength of the modelling; 0 is flat.
        """
        pixels = self.frame(outline, depth)
        box = self._box(pixels)
        if box is None:
            return
        left, top, right, bottom = box
        layer = Image.new("RGB", (right - left, bottom - top), colour)
        if patches:
            pen = ImageDraw.Draw(layer)
            for patch in patches:
                pen.polygon(_flat(self.frame(patch.outline, patch.depth) - np.array(box[:2])), fill=patch.colour)
            layer = layer.filter(ImageFilter.BoxBlur(soft * self.frame.scale))
        (x0, y0), (x1, y1) = pixels.min(axis=0), pixels.max(axis=0)
        u = ((np.arange(left, right, dtype=np.float32) - (x0 + x1) / 2) / (x1 - x0) * 2)[None, :]
        v = ((np.arange(top, bottom, dtype=np.float32) - (y0 + y1) / 2) / (y1 - y0) * 2)[:, None]
        light = 1.06 - shade * (0.17 * (u * u + v * v) ** 1.5 / 2 + 0.10 * v + 0.04 * u)
        light += (0.055 * fur) * self._fur[top:bottom, left:right]
        lit = np.clip(np.asarray(layer, dtype=np.float32) * light[:, :, None], 0, 255).astype(np.uint8)
        self.image.paste(Image.fromarray(lit), box[:2], self._mask(pixels, box))

    def fill(self, outline: Points, colour: Colour, *, depth: float = 0.0) -> None:
        """Fill an outline (face units) with one flat colour."""
        self.draw.polygon(_flat(self.frame(outline, depth)), fill=colour)

    def stroke(self, line: Points, width: float, colour: Colour, *, depth: float = 0.0, ends: float = 0.35) -> None:
        """Draw a tapering line; `width` in face units."""
        self.fill(ribbon(line, width, ends=ends), colour, depth=depth)

    def glow(self, outline: Points, colour: Colour, opacity: float, *, depth: float = 0.0, soft: float = 0.08) -> None:
        """Lay a soft-edged, half transparent colour over the picture: a blush, a shadow."""
        pixels = self.frame(outline, depth)
        blur = soft * self.frame.scale
        grown = np.concatenate([pixels - 3 * blur, pixels + 3 * blur])
        box = self._box(grown)
        if box is None:
            return
        mask = self._mask(pixels, box).point([round(opacity * level) for level in range(256)])
        self.image.paste(colour, box, mask.filter(ImageFilter.BoxBlur(blur)))

    def inside(self, outline: Points, fills: Sequence[Patch], *, depth: float = 0.0) -> None:
        """Fill outlines in order, each clipped to `outline`: an eye with iris and lids, a mouth with its tongue."""
        pixels = self.frame(outline, depth)
        box = self._box(pixels)
        if box is None:
            return
        layer = self.image.crop(box)
        pen = ImageDraw.Draw(layer)
        for patch in fills:
            pen.polygon(_flat(self.frame(patch.outline, depth + patch.depth) - np.array(box[:2])), fill=patch.colour)
        self.image.paste(layer, box[:2], self._mask(pixels, box))

    def finished(self, size: int) -> Image.Image:
        """The picture at `size` x `size` pixels, smoothed by the scaling."""
        return self.image.resize((size, size), Image.Resampling.BOX)


def _flat(outline: Points) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in outline]
