"""The animals: from a species, an expression and a random generator to a face drawn on an easel."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from petmood.demo.easel import Colour, Easel, Patch
from petmood.demo.features import INK, Anatomy, beak, brows, cheeks, eyes, mouth, tears
from petmood.demo.geometry import Points, blob, curve, ellipse, mirror, mix, tufted, turn
from petmood.demo.moods import Expression

SPECIES = ("dog", "cat", "rabbit", "hamster", "bird")

_Rng = np.random.Generator
_CREAM: Colour = (250, 242, 228)
_PINK: Colour = (242, 170, 172)


def _pick(rng: _Rng, *choices: Colour) -> Colour:
    """One of the colours, a little off, so that no two coats are the same."""
    red, green, blue = choices[int(rng.integers(len(choices)))]
    shift = rng.normal(0, 3.5, 3) + rng.normal(0, 9)
    r, g, b = (int(min(250, max(28, round(c + s)))) for c, s in zip((red, green, blue), shift, strict=True))
    return r, g, b


def _dark(colour: Colour, t: float = 0.35) -> Colour:
    return mix(colour, INK, t)


def _light(colour: Colour, t: float = 0.5) -> Colour:
    return mix(colour, _CREAM, t)


def _brow_colour(coat: Colour) -> Colour:
    """Dark on a light coat, light on a dark one: brows must be seen."""
    return mix(coat, INK, 0.78) if sum(coat) > 255 else mix(coat, _CREAM, 0.6)


def _body(easel: Easel, colour: Colour, chest: Colour, rng: _Rng, *, width: float, top: float) -> None:
    outline = tufted(blob((0, top), (0.55 * width, top + 0.35), (width, 1.9), (width, 4), (-width, 4), (-width, 1.9), (-0.55 * width, top + 0.35)), 0.05, rng)
    easel.part(outline, _dark(colour, 0.12), depth=-0.4, patches=(Patch(ellipse(0, top + 1.3, 0.55 * width, 1.1), chest, -0.3),), soft=0.05)


def _both(easel: Easel, shape: Points, colour: Colour, rng: _Rng, *, depth: float, patch: Patch | None = None, tuft: float = 0.03) -> None:
    """A part and its mirror image: ears."""
    for side in (1, -1):
        place = (lambda p: p) if side > 0 else mirror
        patches = (Patch(place(patch.outline), patch.colour, depth),) if patch else ()
        easel.part(tufted(place(shape), tuft, rng), colour, depth=depth, patches=patches)


def _whiskers(easel: Easel, y: float, x: float, rng: _Rng, colour: Colour, depth: float) -> None:
    for side in (1, -1):
        for i in range(3):
            end = (side * (x + float(rng.uniform(0.55, 0.75))), y + 0.16 * (i - 1) + float(rng.uniform(-0.03, 0.06)))
            line = curve((side * x, y + 0.05 * (i - 1)), (side * (x + 0.3), y + 0.1 * (i - 1) - 0.03), end)
            easel.stroke(line, 0.022, colour, depth=depth, ends=0.3)


def _nose(easel: Easel, y: float, size: float, colour: Colour, depth: float) -> None:
    shape = blob((0, y + size * 0.62), (-size * 0.55, y + size * 0.25), (-size, y - size * 0.35), (-size * 0.5, y - size * 0.6), (size * 0.5, y - size * 0.6), (size, y - size * 0.35), (size * 0.55, y + size * 0.25))
    easel.fill(shape, colour, depth=depth)
    easel.fill(ellipse(-0.3 * size, y - 0.28 * size, 0.3 * size, 0.14 * size), mix(colour, (255, 255, 255), 0.55), depth=depth)


def _finish(easel: Easel, anatomy: Anatomy, expression: Expression) -> None:
    cheeks(easel, anatomy, expression)
    eyes(easel, anatomy, expression)
    brows(easel, anatomy, expression)
    tears(easel, anatomy, expression)


def dog(easel: Easel, e: Expression, rng: _Rng) -> None:
    """A dog: a long muzzle with a big nose, hanging or pricked ears, plain, masked, blazed or patched."""
    coat = _pick(rng, (214, 164, 98), (150, 98, 60), (228, 200, 150), (92, 78, 76), (186, 120, 62), (160, 158, 164))
    pale = _light(coat, 0.75)
    pattern = int(rng.integers(4))
    pricked = bool(rng.uniform() < 0.3)
    ear_colour = _dark(coat, float(rng.uniform(0.15, 0.5)))
    wide = float(rng.uniform(0.88, 1.02))
    _body(easel, coat, pale, rng, width=1.05, top=0.55)
    swing = 0.45 * e.ears - 0.25 * e.ears_back
    if pricked:
        ear = blob((0.25, -0.75), (0.42, -1.25), (0.72, -1.55), (0.88, -1.2), (0.9, -0.55), (0.6, -0.5))
        inner = Patch(blob((0.45, -0.75), (0.55, -1.12), (0.7, -1.36), (0.78, -1.1), (0.76, -0.7)), mix(_PINK, ear_colour, 0.45))
        bend = 0.55 * max(0.0, 0.5 - e.ears) + 0.65 * e.ears_back
        _both(easel, turn(ear, bend, (0.6, -0.6)), coat, rng, depth=-0.1, patch=Patch(turn(inner.outline, bend, (0.6, -0.6)), inner.colour))
    head = tufted(blob((0, -0.98), (0.5 * wide, -0.9), (0.88 * wide, -0.5), (0.9 * wide, 0.05), (0.66, 0.55), (0.4, 0.95), (0, 1.06), (-0.4, 0.95), (-0.66, 0.55), (-0.9 * wide, 0.05), (-0.88 * wide, -0.5), (-0.5 * wide, -0.9)), 0.045, rng)
    patches: list[Patch] = []
    if pattern == 1:
        patches = [Patch(blob((0, -1.1), (0.2, -0.6), (0.17, 0), (0.55, 0.4), (0.6, 1.2), (-0.6, 1.2), (-0.55, 0.4), (-0.17, 0), (-0.2, -0.6)), _CREAM, 0.4)]
    elif pattern == 2:
        side = 1 if rng.uniform() < 0.5 else -1
        patches = [Patch(ellipse(side * 0.46, -0.2, 0.42, 0.48), _dark(coat, 0.5) if sum(coat) > 330 else pale, 0.4)]
    elif pattern == 3:
        patches = [Patch(blob((0, -0.35), (0.35, -0.62), (0.72, -0.35), (0.75, 0.2), (0.5, 1.1), (-0.5, 1.1), (-0.75, 0.2), (-0.72, -0.35), (-0.35, -0.62)), _CREAM, 0.4)]
    easel.part(head, coat, patches=patches)
    if not pricked:
        long = float(rng.uniform(0.75, 1.15))
        ear = blob((0.52, -0.86), (0.86, -0.88), (1.12, -0.5), (1.2, -0.5 + 0.6 * long), (1.04, -0.5 + 1.0 * long), (0.84, -0.5 + 0.75 * long), (0.8, -0.3))
        _both(easel, turn(ear, -swing, (0.7, -0.75)), ear_colour, rng, depth=0.1, tuft=0.04)
    muzzle_colour = _CREAM if pattern in (1, 3) else pale
    easel.part(tufted(blob((0, 0.1), (0.3, 0.16), (0.52, 0.42), (0.44, 0.78), (0, 0.92), (-0.44, 0.78), (-0.52, 0.42), (-0.3, 0.16)), 0.025, rng), muzzle_colour, depth=0.9, fur=0.7)
    anatomy = Anatomy(0.42, -0.2, 0.284, 0.302, 0.62, 0.512, 1.0, _pick(rng, (122, 74, 36), (92, 58, 34), (96, 150, 190)), _dark(coat, 0.12), _brow_colour(coat), muzzle_colour)
    mouth(easel, anatomy, e, nose_y=0.36)
    _nose(easel, 0.26, 0.2, (42, 34, 38), 1.15)
    _finish(easel, anatomy, e)


def cat(easel: Easel, e: Expression, rng: _Rng) -> None:
    """A cat: a wide round head, pointed ears with pink insides, whiskers; tabby, patched, pointed or plain."""
    coat = _pick(rng, (226, 146, 66), (142, 140, 144), (66, 62, 72), (236, 230, 222), (176, 136, 96), (206, 186, 160))
    pattern = int(rng.integers(4))
    pale = _light(coat, 0.7)
    mark = _dark(coat, 0.42) if sum(coat) > 255 else _light(coat, 0.28)
    _body(easel, coat, pale, rng, width=0.95, top=0.6)
    bend = 0.25 * max(0.0, 0.3 - e.ears) + 0.75 * e.ears_back
    ear = blob((0.2, -0.72), (0.42, -1.14), (0.74, -1.56), (0.86, -1.5), (0.98, -0.95), (0.98, -0.4), (0.6, -0.5))
    inner = blob((0.42, -0.8), (0.56, -1.08), (0.74, -1.34), (0.82, -1.05), (0.82, -0.7))
    ear_colour = mark if pattern == 3 else coat
    _both(easel, turn(ear, bend, (0.62, -0.6)), ear_colour, rng, depth=-0.1, patch=Patch(turn(inner, bend, (0.62, -0.6)), mix(_PINK, ear_colour, 0.2)))
    wide = float(rng.uniform(1.0, 1.12))
    head = tufted(blob((0, -0.84), (0.5, -0.8), (0.86 * wide, -0.45), (1.0 * wide, 0.08), (0.84 * wide, 0.5), (0.45, 0.8), (0, 0.88), (-0.45, 0.8), (-0.84 * wide, 0.5), (-1.0 * wide, 0.08), (-0.86 * wide, -0.45), (-0.5, -0.8)), 0.06, rng)
    patches: list[Patch] = []
    if pattern == 0:
        for x, length in ((0.0, 0.42), (0.19, 0.34), (-0.19, 0.34)):
            patches.append(Patch(blob((x - 0.06, -0.95), (x + 0.06, -0.95), (x * 0.8 + 0.02, -0.9 + length), (x * 0.8 - 0.02, -0.9 + length)), mark, 0.5))
        for side in (1, -1):
            for i in range(3):
                y = 0.0 + 0.2 * i
                patches.append(Patch(blob((side * 1.2, y - 0.05), (side * 1.2, y + 0.07), (side * 0.72, y + 0.06), (side * 0.72, y + 0.03)), mark, 0.2))
    elif pattern == 1:
        side = 1 if rng.uniform() < 0.5 else -1
        patches = [Patch(ellipse(side * 0.55, -0.5, 0.55, 0.55), mark, 0.4), Patch(ellipse(-side * 0.7, -0.1, 0.4, 0.5), mix((222, 140, 66), coat, 0.2), 0.4)]
    elif pattern == 2:
        patches = [Patch(blob((0, -0.4), (0.16, 0.1), (0.6, 0.4), (0.5, 1.0), (-0.5, 1.0), (-0.6, 0.4), (-0.16, 0.1)), _CREAM, 0.5)]
    else:
        patches = [Patch(ellipse(0, 0.22, 0.52, 0.62), mix(mark, coat, 0.25), 0.6)]
    easel.part(head, coat, patches=patches, soft=0.03)
    muzzle_colour = mix(mark, coat, 0.15) if pattern == 3 else _CREAM if pattern == 2 else pale
    for side in (1, -1):
        easel.part(ellipse(side * 0.2, 0.42, 0.27, 0.21), muzzle_colour, depth=0.8, fur=0.6)
    iris = _pick(rng, (148, 190, 72), (222, 178, 58), (84, 160, 200), (110, 176, 130))
    anatomy = Anatomy(0.45, -0.1, 0.307, 0.291, 0.5, 0.439, 0.85, iris, _dark(coat, 0.12), _brow_colour(coat), muzzle_colour, sclera=mix(iris, (255, 255, 255), 0.72), slit=True)
    _whiskers(easel, 0.42, 0.4, rng, (250, 248, 244) if sum(coat) < 560 else (120, 110, 108), 0.8)
    mouth(easel, anatomy, e, nose_y=0.3)
    _nose(easel, 0.25, 0.11, mix(_PINK, (210, 90, 100), 0.45), 0.95)
    _finish(easel, anatomy, e)


def rabbit(easel: Easel, e: Expression, rng: _Rng) -> None:
    """A rabbit: an oval head under very long ears, upright or lopped, with front teeth."""
    coat = _pick(rng, (242, 238, 234), (168, 162, 162), (178, 136, 98), (104, 92, 92), (222, 196, 164))
    pale = _light(coat, 0.7)
    lop = bool(rng.uniform() < 0.25)
    banded = bool(rng.uniform() < 0.35)
    _body(easel, coat, pale, rng, width=0.9, top=0.6)
    long = float(rng.uniform(1.25, 1.6))
    if lop:
        angle, pivot = 2.35 - 0.35 * e.ears + 0.1 * e.ears_back, (0.42, -0.72)
    else:
        angle, pivot = 0.16 + 0.55 * max(0.0, 0.55 - e.ears) + 0.75 * e.ears_back, (0.36, -0.7)
    x = pivot[0]
    ear = blob((x - 0.2, -0.6), (x - 0.26, -0.7 - 0.5 * long), (x - 0.04, -0.75 - long), (x + 0.14, -0.75 - long), (x + 0.28, -0.7 - 0.5 * long), (x + 0.22, -0.6))
    inner = blob((x - 0.1, -0.8), (x - 0.13, -0.7 - 0.5 * long), (x + 0.03, -0.7 - 0.85 * long), (x + 0.15, -0.7 - 0.5 * long), (x + 0.1, -0.8))
    _both(easel, turn(ear, angle, pivot), coat, rng, depth=-0.15, patch=Patch(turn(inner, angle, pivot), mix(_PINK, coat, 0.15)))
    head = tufted(blob((0, -0.92), (0.45, -0.84), (0.74, -0.4), (0.82, 0.15), (0.72, 0.58), (0.4, 0.88), (0, 0.96), (-0.4, 0.88), (-0.72, 0.58), (-0.82, 0.15), (-0.74, -0.4), (-0.45, -0.84)), 0.05, rng)
    patches = [Patch(blob((0, -1.1), (0.14, -0.4), (0.2, 0.1), (0.75, 0.5), (0.6, 1.2), (-0.6, 1.2), (-0.75, 0.5), (-0.2, 0.1), (-0.14, -0.4)), _CREAM, 0.4)] if banded else []
    easel.part(head, coat, patches=patches, soft=0.03)
    muzzle_colour = _CREAM if banded else pale
    for side in (1, -1):
        easel.part(tufted(ellipse(side * 0.2, 0.46, 0.29, 0.25), 0.02, rng), muzzle_colour, depth=0.75, fur=0.6)
    anatomy = Anatomy(0.42, -0.12, 0.261, 0.308, 0.56, 0.415, 0.85, _pick(rng, (90, 56, 40), (190, 70, 80), (70, 96, 140)), _dark(coat, 0.14), _brow_colour(coat), muzzle_colour)
    _whiskers(easel, 0.48, 0.42, rng, (150, 142, 140), 0.75)
    if e.gape < 0.1:
        easel.fill(ellipse(0, 0.68 + 0.08 * e.smile, 0.09, 0.11, power=3.5), INK, depth=0.84)
        easel.fill(ellipse(0, 0.67 + 0.08 * e.smile, 0.07, 0.095, power=3.5), (253, 250, 244), depth=0.84)
    mouth(easel, anatomy, e, nose_y=0.36)
    _nose(easel, 0.31, 0.1, mix(_PINK, (226, 120, 130), 0.5), 0.95)
    _finish(easel, anatomy, e)


def hamster(easel: Easel, e: Expression, rng: _Rng) -> None:
    """A hamster: a head wider than high with stuffed white cheeks and small round ears."""
    coat = _pick(rng, (222, 160, 92), (206, 134, 72), (184, 168, 152), (236, 208, 168))
    _body(easel, coat, _CREAM, rng, width=1.15, top=0.4)
    bend = 0.3 * max(0.0, 0.4 - e.ears) + 0.6 * e.ears_back
    size = 0.36 * (1 + 0.12 * e.ears - 0.18 * e.ears_back)
    ear, inner = ellipse(0.68, -0.88, size, size), Patch(ellipse(0.68, -0.84, 0.65 * size, 0.65 * size), mix(_PINK, coat, 0.25))
    _both(easel, turn(ear, bend, (0.4, -0.4)), _dark(coat, 0.15), rng, depth=-0.1, patch=Patch(turn(inner.outline, bend, (0.4, -0.4)), inner.colour))
    head = tufted(blob((0, -0.86), (0.5, -0.78), (0.9, -0.4), (1.16, 0.2), (1.02, 0.62), (0.5, 0.84), (0, 0.86), (-0.5, 0.84), (-1.02, 0.62), (-1.16, 0.2), (-0.9, -0.4), (-0.5, -0.78)), 0.055, rng)
    patches = [Patch(ellipse(side * 0.8, 0.42, 0.48, 0.42), _CREAM, 0.4) for side in (1, -1)]
    patches.append(Patch(ellipse(0, 0.56, 0.5, 0.5), _CREAM, 0.6))
    stripe = float(rng.uniform(0.05, 0.16))
    patches.append(Patch(blob((-stripe, -1.0), (stripe, -1.0), (0.6 * stripe, -0.3), (0, -0.1), (-0.6 * stripe, -0.3)), _dark(coat, 0.4), 0.4))
    easel.part(head, coat, patches=patches, soft=0.05)
    for side in (1, -1):
        easel.part(ellipse(side * 0.14, 0.36, 0.2, 0.17), _CREAM, depth=0.8, fur=0.6)
    anatomy = Anatomy(0.47, -0.1, 0.261, 0.268, 0.46, 0.378, 0.85, (58, 38, 36), _dark(coat, 0.1), _brow_colour(coat), _CREAM)
    _whiskers(easel, 0.38, 0.34, rng, (150, 132, 120), 0.8)
    mouth(easel, anatomy, e, nose_y=0.26)
    _nose(easel, 0.22, 0.085, mix(_PINK, (220, 110, 120), 0.4), 0.95)
    _finish(easel, anatomy, e)


def bird(easel: Easel, e: Expression, rng: _Rng) -> None:
    """A bird: a round feathered head with a beak and a crest that rises and falls with its mood."""
    coat = _pick(rng, (120, 190, 84), (92, 160, 214), (246, 208, 72), (214, 82, 70), (176, 182, 190), (70, 176, 170))
    face = mix(coat, (255, 246, 214), float(rng.uniform(0.35, 0.8)))
    colour = _pick(rng, (244, 164, 50), (236, 130, 60), (250, 190, 80), (96, 92, 100))
    _body(easel, coat, face, rng, width=1.0, top=0.5)
    lift = 0.5 + 0.45 * e.ears + 0.25 * e.ears_back
    for i in range(int(rng.integers(3, 6))):
        lean = (i - 1.8) * 0.3 + float(rng.normal(0, 0.06))
        length = (0.34 + 0.28 * lift) * float(rng.uniform(0.8, 1.15))
        feather = blob((-0.1, -0.8), (-0.09, -0.85 - 0.7 * length), (0.0, -0.88 - length), (0.1, -0.85 - 0.6 * length), (0.1, -0.8))
        easel.part(turn(feather, lean + (1 - lift) * 0.5, (0.0, -0.75)), _dark(coat, 0.1 * (i % 3)), depth=0.0)
    head = tufted(blob((0, -0.96), (0.55, -0.82), (0.9, -0.38), (0.96, 0.12), (0.8, 0.6), (0.4, 0.9), (0, 0.97), (-0.4, 0.9), (-0.8, 0.6), (-0.96, 0.12), (-0.9, -0.38), (-0.55, -0.82)), 0.035, rng, tufts=60)
    patches = [Patch(ellipse(side * 0.44, -0.08, 0.46, 0.5), face, 0.5) for side in (1, -1)]
    if rng.uniform() < 0.6:
        spot = _pick(rng, (238, 128, 60), (224, 84, 90), (90, 110, 200))
        patches += [Patch(ellipse(side * 0.66, 0.42, 0.19, 0.16), spot, 0.4) for side in (1, -1)]
    easel.part(head, coat, patches=patches, fur=0.8)
    anatomy = Anatomy(0.44, -0.14, 0.29, 0.296, 0.34, 0.439, 1.05, _pick(rng, (60, 44, 40), (120, 70, 40), (50, 80, 110)), _dark(face, 0.16), mix(coat, INK, 0.72), face)
    beak(easel, anatomy, e, colour)
    _finish(easel, anatomy, e)


PAINTERS: dict[str, Callable[[Easel, Expression, _Rng], None]] = {
    "dog": dog,
    "cat": cat,
    "rabbit": rabbit,
    "hamster": hamster,
    "bird": bird,
}
"""How to draw each species, in the order of `SPECIES`."""
