"""Parts that species share: bodies, ears, noses, whiskers and the colours of a coat, drawn on an easel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from petmood.demo.easel import Colour, Easel, Patch
from petmood.demo.features import INK, Anatomy, brows, cheeks, eyes, tears
from petmood.demo.geometry import Points, blob, curve, ellipse, mirror, mix, ribbon, symmetric, tufted, turn
from petmood.demo.moods import Expression
from petmood.demo.scenes import hsv

CREAM: Colour = (250, 242, 228)
PINK: Colour = (242, 170, 172)
COLLARED = 0.3
"""Share of the animals that wear a collar."""
LIGHT_COAT = 255
"""Coats whose channels sum to more than this are light enough to carry dark marks and brows."""


def pick(rng: np.random.Generator, *choices: Colour) -> Colour:
    """One of the colours, a little off, so that no two coats are the same."""
    chosen = choices[int(rng.integers(len(choices)))]
    shift = rng.normal(0, 3.5, 3) + rng.normal(0, 9)
    red, green, blue = (int(min(250, max(28, round(c + s)))) for c, s in zip(chosen, shift, strict=True))
    return red, green, blue


def dark(colour: Colour, t: float = 0.35) -> Colour:
    """The colour in shadow."""
    return mix(colour, INK, t)


def light(colour: Colour, t: float = 0.7) -> Colour:
    """The colour mixed with cream: bellies and muzzles."""
    return mix(colour, CREAM, t)


def is_light(coat: Colour) -> bool:
    """Whether dark marks show on this coat."""
    return sum(coat) > LIGHT_COAT


def brow_colour(coat: Colour) -> Colour:
    """Dark on a light coat, light on a dark one: brows must be seen."""
    return mix(coat, INK, 0.78) if is_light(coat) else mix(coat, CREAM, 0.6)


def body(easel: Easel, coat: Colour, chest: Colour, rng: np.random.Generator, *, width: float, top: float) -> None:
    """Draw the shoulders below the head, with a pale chest and for some animals a collar."""
    outline = symmetric((0, top), (0.55 * width, top + 0.35), (width, 1.9), (width, 4))
    patches = [Patch(ellipse(0, top + 1.3, 0.55 * width, 1.1), chest, -0.3)]
    tagged = bool(rng.uniform() < COLLARED)
    low = 1.1 + 0.1 * width
    if tagged:
        band = curve((-1.2, low - 0.5), (-0.6, low - 0.12), (0, low), (0.6, low - 0.12), (1.2, low - 0.5))
        colour = hsv(float(rng.uniform()), 0.5, float(rng.uniform(0.5, 0.85)))
        patches.append(Patch(ribbon(band, 0.17, ends=1.0), colour, -0.3))
    easel.part(tufted(outline, 0.05, rng), dark(coat, 0.12), depth=-0.4, patches=patches, soft=0.02)
    if tagged:
        for size, colour in ((0.13, (168, 128, 40)), (0.105, (248, 208, 92))):
            easel.fill(ellipse(0, low + 0.1, size, size), colour, depth=-0.3)


@dataclass(frozen=True, slots=True)
class Ear:
    """The right ear: its outline, the patch inside it, and the point about which it turns."""

    outline: Points
    inner: Points | None
    pivot: tuple[float, float]

    def turned(self, angle: float) -> Ear:
        """The ear folded outwards by `angle` radians."""
        inner = None if self.inner is None else turn(self.inner, angle, self.pivot)
        return Ear(turn(self.outline, angle, self.pivot), inner, self.pivot)


def ears(
    easel: Easel,
    ear: Ear,
    coat: Colour,
    inside: Colour,
    rng: np.random.Generator,
    *,
    depth: float = -0.1,
) -> None:
    """Draw an ear on both sides of the head."""
    for side in (1, -1):
        outline = ear.outline if side > 0 else mirror(ear.outline)
        patches = []
        if ear.inner is not None:
            patches = [Patch(ear.inner if side > 0 else mirror(ear.inner), inside, depth)]
        easel.part(tufted(outline, 0.03, rng), coat, depth=depth, patches=patches)


def pads(easel: Easel, x: float, y: float, rx: float, ry: float, colour: Colour, depth: float) -> None:
    """Draw the two whisker pads beside the nose."""
    for side in (1, -1):
        easel.part(ellipse(side * x, y, rx, ry), colour, depth=depth, fur=0.6)


def whiskers(easel: Easel, x: float, y: float, colour: Colour, depth: float, rng: np.random.Generator) -> None:
    """Draw three whiskers on each side, from `x` outwards at about height `y`."""
    for side in (1, -1):
        for row in (-1, 0, 1):
            reach, sag = float(rng.uniform(0.55, 0.75)), float(rng.uniform(-0.03, 0.06))
            line = curve(
                (side * x, y + 0.05 * row),
                (side * (x + 0.3), y + 0.1 * row - 0.03),
                (side * (x + reach), y + 0.16 * row + sag),
            )
            easel.stroke(line, 0.022, colour, depth=depth, ends=0.3)


def nose(easel: Easel, y: float, size: float, colour: Colour, depth: float) -> None:
    """Draw a rounded triangular nose with a light on it; `size` is half its width."""
    tip, side, top = (0.0, y + 0.62 * size), (size, y - 0.35 * size), (0.5 * size, y - 0.6 * size)
    lower = (0.55 * size, y + 0.25 * size)
    shape = blob(top, side, lower, tip, *((-px, py) for px, py in (lower, side, top)))
    easel.fill(shape, colour, depth=depth)
    shine = ellipse(-0.3 * size, y - 0.28 * size, 0.3 * size, 0.14 * size)
    easel.fill(shine, mix(colour, (255, 255, 255), 0.55), depth=depth)


def mood_features(easel: Easel, anatomy: Anatomy, expression: Expression) -> None:
    """Draw what every species has in common, in order: cheeks, eyes, brows, tears."""
    cheeks(easel, anatomy, expression)
    eyes(easel, anatomy, expression)
    brows(easel, anatomy, expression)
    tears(easel, anatomy, expression)
