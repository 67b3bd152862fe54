"""The parts of a face that show its mood (eyes, brows, mouth, cheeks, tears): from an expression onto an easel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from petmood.demo.easel import Colour, Easel, Patch
from petmood.demo.geometry import Points, curve, ellipse, mirror, mix, points, ribbon
from petmood.demo.moods import Expression

INK: Colour = (44, 32, 34)
_WHITE: Colour = (252, 250, 246)
_THROAT: Colour = (112, 30, 40)
_TONGUE: Colour = (240, 122, 134)
_TOOTH: Colour = (253, 250, 240)
_TEAR: Colour = (128, 196, 246)


@dataclass(frozen=True, slots=True)
class Anatomy:
    """Where a species carries its features, in face units, and their colours.

    Attributes:
        eye_x, eye_y: centre of the right eye; the left one is mirrored.
        eye_rx, eye_ry: radii of the eye.
        mouth_y, mouth_w: height of the mouth's centre and half its width.
        muzzle: how far the mouth lies in front of the head.
        iris, lid, brow, muzzle_colour: colours.
        sclera: colour around the iris.
        slit: True for an upright pupil.
        lopsided: how much lower the mouth's right corner is than its left.
        teeth: relative lengths of the teeth of one row.
    """

    eye_x: float
    eye_y: float
    eye_rx: float
    eye_ry: float
    mouth_y: float
    mouth_w: float
    muzzle: float
    iris: Colour
    lid: Colour
    brow: Colour
    muzzle_colour: Colour
    sclera: Colour = _WHITE
    slit: bool = False
    lopsided: float = 0.0
    teeth: tuple[float, ...] = (1.0,) * 6


def individual(species: Anatomy, rng: np.random.Generator) -> Anatomy:
    """One animal's own features: its species', each moved and stretched a little, so that no two faces coincide."""
    width, height, eye_x, mouth_w = (float(v) for v in rng.normal(1.0, (0.06, 0.06, 0.06, 0.08)))
    eye_y, mouth_y, lopsided = (float(v) for v in rng.normal(0.0, (0.03, 0.02, 0.03)))
    return replace(
        species,
        eye_x=species.eye_x * eye_x,
        eye_y=species.eye_y + eye_y,
        eye_rx=species.eye_rx * width,
        eye_ry=species.eye_ry * height,
        mouth_y=species.mouth_y + mouth_y,
        mouth_w=species.mouth_w * mouth_w,
        lopsided=lopsided,
        teeth=tuple(float(v) for v in rng.uniform(0.6, 1.4, int(rng.integers(5, 9)))),
    )


_EYE_DEPTH = 0.75


def eyes(easel: Easel, anatomy: Anatomy, expression: Expression) -> None:
    """Draw both eyes: rim, white, iris and pupil, light, upper and lower lid; or arcs when they are shut."""
    a, e = anatomy, expression
    for side in (1.0, -1.0):
        if e.arcs:
            bulge = 0.75 * a.eye_ry * e.arcs
            arc = curve(
                (a.eye_x - a.eye_rx, a.eye_y + 0.3 * bulge),
                (a.eye_x - 0.5 * a.eye_rx, a.eye_y - 0.5 * bulge),
                (a.eye_x, a.eye_y - 0.8 * bulge),
                (a.eye_x + 0.5 * a.eye_rx, a.eye_y - 0.5 * bulge),
                (a.eye_x + a.eye_rx, a.eye_y + 0.3 * bulge),
            )
            easel.stroke(arc if side > 0 else mirror(arc), 0.105, INK, depth=_EYE_DEPTH, ends=0.5)
            continue
        _open_eye(easel, a, e, side)


def _open_eye(easel: Easel, a: Anatomy, e: Expression, side: float) -> None:
    x, y, rx, ry = side * a.eye_x, a.eye_y, a.eye_rx, a.eye_ry
    iris_r = 0.86 * min(rx, ry)
    iris_x = x + 0.26 * rx * e.gaze_x
    iris_y = y + 0.24 * ry * e.gaze_y
    pupil_r = iris_r * e.pupil
    pupil_rx = 0.5 * pupil_r if a.slit and e.pupil < 0.64 else pupil_r
    across = np.linspace(-1.3, 1.3, 15)
    lid_y = y - 1.05 * ry + 2.1 * ry * e.lid - 0.14 * ry * (1 - across**2)
    lid_y = lid_y - side * e.slant * 0.62 * ry * across
    upper = np.stack([x + across * rx, lid_y], axis=1)
    lower_y = y + 1.02 * ry - 1.3 * ry * e.squint * (0.75 + 0.25 * (1 - across**2))
    lower = np.stack([x + across * rx, lower_y], axis=1)
    above = points((x + 1.5 * rx, y - 2.5 * ry), (x - 1.5 * rx, y - 2.5 * ry))
    below = points((x + 1.5 * rx, y + 2.5 * ry), (x - 1.5 * rx, y + 2.5 * ry))
    glint = 0.26 * iris_r
    easel.inside(
        ellipse(x, y, 1.12 * rx, 1.12 * ry),
        (
            Patch(ellipse(x, y, 1.2 * rx, 1.2 * ry), INK),
            Patch(ellipse(x, y, rx, ry), a.sclera),
            Patch(ellipse(iris_x, iris_y, 1.06 * iris_r, 1.06 * iris_r), mix(a.iris, INK, 0.55)),
            Patch(ellipse(iris_x, iris_y, 0.93 * iris_r, 0.93 * iris_r), a.iris),
            Patch(
                ellipse(iris_x, iris_y + 0.35 * iris_r, 0.62 * iris_r, 0.45 * iris_r),
                mix(a.iris, _WHITE, 0.35),
            ),
            Patch(ellipse(iris_x, iris_y, pupil_rx, pupil_r), (20, 14, 18)),
            Patch(ellipse(iris_x - 0.3 * iris_r, iris_y - 0.34 * iris_r, glint, glint), _WHITE),
            Patch(ellipse(iris_x + 0.32 * iris_r, iris_y + 0.36 * iris_r, 0.5 * glint, 0.5 * glint), _WHITE),
            Patch(np.concatenate([lower, below]), mix(a.lid, INK, 0.06)),
            Patch(ribbon(lower, 0.035, ends=0.8), mix(a.lid, INK, 0.6)),
            Patch(np.concatenate([upper, above]), a.lid),
            Patch(ribbon(upper, 0.075, ends=0.8), INK),
        ),
        depth=_EYE_DEPTH,
    )


def brows(easel: Easel, anatomy: Anatomy, expression: Expression) -> None:
    """Draw both brows; their height and tilt carry much of the mood."""
    a, e = anatomy, expression
    for side in (1.0, -1.0):
        height = (
            a.eye_y - 1.12 * a.eye_ry - 0.13 - 0.15 * (e.brow + (0.9 * e.brow_skew if side > 0 else -0.3 * e.brow_skew))
        )
        tilt = 0.22 * e.brow_slant
        x = a.eye_x - 0.05 * e.brow_slant
        line = curve((x - 0.95 * a.eye_rx, height + tilt), (x, height - 0.05), (x + 0.95 * a.eye_rx, height - tilt))
        easel.stroke(line if side > 0 else mirror(line), 0.15, a.brow, depth=_EYE_DEPTH + 0.05, ends=0.45)


def cheeks(easel: Easel, anatomy: Anatomy, expression: Expression) -> None:
    """Lay a blush on both cheeks if the expression has one."""
    if expression.blush < 0.15:
        return
    for side in (1.0, -1.0):
        x, y = side * (anatomy.eye_x + 0.22), anatomy.eye_y + anatomy.eye_ry + 0.2
        easel.glow(ellipse(x, y, 0.17, 0.11), (255, 110, 130), 0.6 * expression.blush, depth=0.55, soft=0.05)


def tears(easel: Easel, anatomy: Anatomy, expression: Expression) -> None:
    """Draw a drop below one eye or both."""
    for number in range(expression.tears):
        side = 1.0 if number == 0 else -1.0
        x = side * (anatomy.eye_x + 0.3 * anatomy.eye_rx)
        y = anatomy.eye_y + anatomy.eye_ry + 0.2 + 0.12 * number
        for size, colour in ((1.22, mix(_TEAR, INK, 0.35)), (1.0, _TEAR)):
            bulb = ellipse(x, y, 0.115 * size, 0.125 * size)
            drop = np.concatenate([points((x, y - 0.3 * size)), bulb[:29]])
            easel.fill(drop, colour, depth=_EYE_DEPTH)
        easel.fill(ellipse(x - 0.04, y + 0.01, 0.026, 0.042), _WHITE, depth=_EYE_DEPTH)


def _lips(anatomy: Anatomy, expression: Expression) -> tuple[Points, Points]:
    """Upper and lower edge of the mouth, each (25, 2) from its left to its right corner."""
    a, e = anatomy, expression
    t = np.linspace(-1.0, 1.0, 25)
    half = a.mouth_w * (1 + 0.22 * max(0.0, e.smile) + 0.1 * e.teeth) * (1 - 0.52 * e.round)
    bow = 0.05 * (1 - abs(e.smile)) * np.abs(np.sin(np.pi * t)) * (1 - e.round)
    bend = 0.5 * a.mouth_w * e.smile * (1 - t**2) - 0.28 * a.mouth_w * e.smile
    upper = a.mouth_y + a.lopsided * t + bow + bend - e.round * 0.25 * a.mouth_w * (1 - t**2)
    boxy = 2 + 6 * e.teeth
    drop = (
        (1.05 + 0.25 * e.round)
        * a.mouth_w
        * e.gape
        * np.maximum(0.0, 1 - np.abs(t) ** boxy) ** (0.75 if e.teeth < 0.3 else 0.5)
    )
    return np.stack([half * t, upper], axis=1), np.stack([half * t, upper + drop], axis=1)


def _zigzag(lip: Points, height: float, lengths: Sequence[float]) -> Points:
    """A row of pointed teeth hanging from a lip; negative height stands them up from the lower lip."""
    index = np.linspace(1, len(lip) - 2, 2 * len(lengths) + 1)
    base = np.stack([np.interp(index, np.arange(len(lip)), lip[:, axis]) for axis in (0, 1)], axis=1)
    tips = base.copy()
    tips[1::2, 1] += height * np.array(lengths)
    return np.concatenate([tips, base[::-1] - np.array([0.0, 0.1 * np.sign(height)])])


def mouth(easel: Easel, anatomy: Anatomy, expression: Expression, *, nose_y: float) -> None:
    """Draw a mammal's mouth below its nose: a line, a grin with its tongue, a circle, or bared teeth."""
    a, e = anatomy, expression
    upper, lower = _lips(a, e)
    centre = len(upper) // 2
    if e.gape > 0.1:
        chin_y = float(lower[centre, 1]) - 0.02
        easel.part(
            ellipse(0.0, chin_y, 0.8 * float(upper[-1, 0]), 0.24),
            mix(a.muzzle_colour, INK, 0.05), depth=a.muzzle - 0.1, fur=0.6,
        )  # fmt: skip
    easel.stroke(
        points((0.0, nose_y), (0.0, 0.5 * (nose_y + upper[centre, 1])), (0.0, float(upper[centre, 1]))),
        0.05,
        INK,
        depth=a.muzzle,
        ends=0.9,
    )
    if e.gape > 0.1:
        hole = np.concatenate([upper, lower[::-1]])
        depth_px = float(lower[centre, 1] - upper[centre, 1])
        fills = [Patch(ellipse(0.0, a.mouth_y, 2.0, 2.0), _THROAT)]
        if e.tongue > 0.1:
            fills.append(
                Patch(
                    ellipse(
                        0.0,
                        float(lower[centre, 1]) - 0.02,
                        0.62 * a.mouth_w,
                        (0.25 + 0.4 * e.tongue) * depth_px,
                    ),
                    _TONGUE,
                )
            )
        elif e.round < 0.5:
            fills.append(
                Patch(
                    ellipse(0.0, float(lower[centre, 1]) + 0.05, 0.6 * a.mouth_w, 0.35 * depth_px),
                    mix(_TONGUE, _THROAT, 0.4),
                )
            )
        if e.teeth > 0.2:
            fills.append(Patch(_zigzag(upper, 0.46 * depth_px * e.teeth + 0.03, a.teeth), _TOOTH))
            fills.append(Patch(_zigzag(lower, -0.34 * depth_px * e.teeth - 0.03, a.teeth[::-1]), _TOOTH))
        elif e.smile > 0.5:
            teeth = np.concatenate([upper, (upper + np.array([0.0, 0.16 * depth_px]))[::-1]])
            fills.append(Patch(teeth, _TOOTH))
        easel.inside(hole, fills, depth=a.muzzle)
        easel.stroke(lower, 0.05, INK, depth=a.muzzle, ends=0.8)
    easel.stroke(upper, 0.075, INK, depth=a.muzzle, ends=0.6)


def beak(easel: Easel, anatomy: Anatomy, expression: Expression, colour: Colour) -> None:
    """Draw a bird's beak: its gape line bends like a mouth, its lower half opens."""
    a, e = anatomy, expression
    t = np.linspace(-1.0, 1.0, 25)
    half = a.mouth_w * (1 + 0.12 * max(0.0, e.smile)) * (1 - 0.4 * e.round)
    bend = a.mouth_w * (0.55 * e.smile * (1 - np.abs(t) ** 1.6) - 0.42 * e.smile)
    tip = 0.16 * np.maximum(0.0, 1 - np.abs(t) / 0.4)
    line = np.stack([half * t, a.mouth_y + a.lopsided * t + bend + tip], axis=1)
    drop = (0.1 + 1.0 * a.mouth_w * e.gape) * (1 - t**2) ** 0.7
    lower = np.stack([0.9 * half * t, line[:, 1] + drop], axis=1)
    ridge = np.stack([half * t, line[:, 1] - 0.34 * (1 - np.abs(t) ** 1.7) ** 0.8 - 0.02], axis=1)
    dark = mix(colour, INK, 0.45)
    d = a.muzzle
    easel.part(np.concatenate([line, lower[::-1]]), mix(colour, INK, 0.16), depth=d - 0.1, fur=0.0)
    if e.gape > 0.1:
        fills = [Patch(ellipse(0.0, a.mouth_y, 2.0, 2.0), _THROAT)]
        tongue_y = float(line[12, 1]) + 0.62 * a.mouth_w * e.gape
        if e.round < 0.5:
            fills.append(Patch(ellipse(0.0, tongue_y, 0.4 * a.mouth_w, 0.3 * a.mouth_w * e.gape), _TONGUE))
        inner = np.stack([0.8 * half * t, line[:, 1] + 0.82 * (drop - 0.1 * (1 - t**2) ** 0.7)], axis=1)
        easel.inside(np.concatenate([line, inner[::-1]]), fills, depth=d - 0.1)
    easel.stroke(lower, 0.035, dark, depth=d - 0.1, ends=0.7)
    if e.teeth > 0.2:
        # A bird has no teeth to bare: an angry beak gets a saw edge instead, as cartoons draw it.
        easel.fill(_zigzag(line, 0.13 * e.teeth, a.teeth), _TOOTH, depth=d)
    easel.part(np.concatenate([ridge, line[::-1]]), colour, depth=d, fur=0.0, shade=1.3)
    easel.stroke(line, 0.06, INK, depth=d, ends=0.7)
    for side in (1.0, -1.0):
        corner = line[-1 if side > 0 else 0]
        cheek = curve(
            (corner[0] - 0.02 * side, corner[1]),
            (corner[0] + 0.07 * side, corner[1] - 0.05 * e.smile),
            (corner[0] + 0.12 * side, corner[1] - 0.16 * e.smile),
        )
        easel.stroke(cheek, 0.055, INK, depth=d - 0.1, ends=0.7)
        easel.fill(ellipse(side * 0.1, float(ridge[12, 1]) + 0.1, 0.028, 0.036), dark, depth=d)
