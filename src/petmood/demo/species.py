"""The animals: from a species, an expression and a random generator to a face drawn on an easel."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from petmood.demo.easel import Colour, Easel, Patch
from petmood.demo.features import INK, Anatomy, beak, individual, mouth
from petmood.demo.geometry import blob, ellipse, mirror, mix, symmetric, tufted, turn
from petmood.demo.moods import Expression
from petmood.demo.parts import (
    CREAM,
    PINK,
    Ear,
    body,
    brow_colour,
    dark,
    ears,
    is_light,
    light,
    mood_features,
    nose,
    pads,
    pick,
    whiskers,
)

Rng = np.random.Generator


def _dog_marks(coat: Colour, pattern: str, rng: Rng) -> list[Patch]:
    if pattern == "blaze":
        outline = symmetric((0, -1.1), (0.2, -0.6), (0.17, 0), (0.55, 0.4), (0.6, 1.2))
        return [Patch(outline, CREAM, 0.4)]
    if pattern == "mask":
        outline = symmetric((0, -0.35), (0.35, -0.62), (0.72, -0.35), (0.75, 0.2), (0.5, 1.1))
        return [Patch(outline, CREAM, 0.4)]
    if pattern == "eye":
        side = 1 if rng.uniform() < 0.5 else -1
        return [
            Patch(
                ellipse(side * 0.46, -0.2, 0.42, 0.48),
                dark(coat, 0.5) if sum(coat) > 330 else light(coat),
                0.4,
            )
        ]
    return []


def dog(easel: Easel, e: Expression, rng: Rng) -> None:
    """A dog: a long muzzle with a big nose, hanging or pricked ears, plain, masked, blazed or with a patched eye."""
    coat = pick(rng, (214, 164, 98), (150, 98, 60), (228, 200, 150), (92, 78, 76), (186, 120, 62))
    pattern = ("plain", "blaze", "eye", "mask")[int(rng.integers(4))]
    pricked = bool(rng.uniform() < 0.3)
    ear_colour = dark(coat, float(rng.uniform(0.15, 0.5)))
    wide = float(rng.uniform(0.88, 1.02))
    body(easel, coat, light(coat), rng, width=1.05, top=0.55)
    if pricked:
        outline = blob((0.25, -0.75), (0.42, -1.25), (0.72, -1.55), (0.88, -1.2), (0.9, -0.55), (0.6, -0.5))
        inner = blob((0.45, -0.75), (0.55, -1.12), (0.7, -1.36), (0.78, -1.1), (0.76, -0.7))
        fold = 0.55 * max(0.0, 0.5 - e.ears) + 0.65 * e.ears_back
        ears(easel, Ear(outline, inner, (0.6, -0.6)).turned(fold), coat, mix(PINK, ear_colour, 0.45), rng)
    head = symmetric(
        (0, -0.98), (0.5 * wide, -0.9), (0.88 * wide, -0.5), (0.9 * wide, 0.05), (0.66, 0.55), (0.4, 0.95), (0, 1.06)
    )  # fmt: skip
    easel.part(tufted(head, 0.045, rng), coat, patches=_dog_marks(coat, pattern, rng))
    if not pricked:
        drop = float(rng.uniform(0.75, 1.15))
        outline = blob(
            (0.52, -0.86), (0.86, -0.88), (1.12, -0.5), (1.2, -0.5 + 0.6 * drop), (1.04, -0.5 + drop),
            (0.84, -0.5 + 0.75 * drop), (0.8, -0.3),
        )  # fmt: skip
        swing = 0.25 * e.ears_back - 0.45 * e.ears
        ears(easel, Ear(outline, None, (0.7, -0.75)).turned(swing), ear_colour, ear_colour, rng, depth=0.1)
    muzzle_colour = CREAM if pattern in ("blaze", "mask") else light(coat)
    muzzle = symmetric((0, 0.1), (0.3, 0.16), (0.52, 0.42), (0.44, 0.78), (0, 0.92))
    easel.part(tufted(muzzle, 0.025, rng), muzzle_colour, depth=0.9, fur=0.7)
    anatomy = Anatomy(
        eye_x=0.43, eye_y=-0.2, eye_rx=0.3, eye_ry=0.32, mouth_y=0.62, mouth_w=0.56, muzzle=1.0,
        iris=pick(rng, (122, 74, 36), (92, 58, 34), (96, 150, 190)), lid=dark(coat, 0.12), brow=brow_colour(coat),
        muzzle_colour=muzzle_colour,
    )  # fmt: skip
    anatomy = individual(anatomy, rng)
    mouth(easel, anatomy, e, nose_y=0.36)
    nose(easel, 0.26, 0.2, (42, 34, 38), 1.15)
    mood_features(easel, anatomy, e)


def _cat_marks(coat: Colour, mark: Colour, pattern: str, rng: Rng) -> list[Patch]:
    if pattern == "tabby":
        stripes = []
        for x, y in ((0.0, -0.48), (0.19, -0.56), (-0.19, -0.56)):
            stripe = blob((x - 0.06, -0.95), (x + 0.06, -0.95), (0.8 * x + 0.02, y), (0.8 * x - 0.02, y))
            stripes.append(Patch(stripe, mark, 0.5))
        for y in (0.0, 0.2, 0.4):
            bar = blob((1.2, y - 0.05), (1.2, y + 0.07), (0.72, y + 0.06), (0.72, y + 0.03))
            stripes += [Patch(bar, mark, 0.2), Patch(mirror(bar), mark, 0.2)]
        return stripes
    if pattern == "calico":
        side = 1 if rng.uniform() < 0.5 else -1
        ginger = mix((222, 140, 66), coat, 0.2)
        return [
            Patch(ellipse(side * 0.55, -0.5, 0.55, 0.55), mark, 0.4),
            Patch(ellipse(-side * 0.7, -0.1, 0.4, 0.5), ginger, 0.4),
        ]
    if pattern == "bib":
        return [Patch(symmetric((0, -0.4), (0.16, 0.1), (0.6, 0.4), (0.5, 1.0)), CREAM, 0.5)]
    return [Patch(ellipse(0, 0.22, 0.52, 0.62), mix(mark, coat, 0.25), 0.6)]


def cat(easel: Easel, e: Expression, rng: Rng) -> None:
    """A cat: a wide round head, pointed ears with pink insides, whiskers; tabby, calico, bibbed or pointed."""
    coat = pick(rng, (226, 146, 66), (142, 140, 144), (66, 62, 72), (236, 230, 222), (168, 148, 132))
    pattern = ("tabby", "calico", "bib", "points")[int(rng.integers(4))]
    mark = dark(coat, 0.42) if is_light(coat) else light(coat, 0.28)
    ear_colour = mark if pattern == "points" else coat
    wide = float(rng.uniform(1.0, 1.12))
    body(easel, coat, light(coat), rng, width=0.95, top=0.6)
    outline = blob(
        (0.2, -0.72), (0.42, -1.14), (0.74, -1.56), (0.86, -1.5), (0.98, -0.95), (0.98, -0.4), (0.6, -0.5)
    )  # fmt: skip
    inner = blob((0.42, -0.8), (0.56, -1.08), (0.74, -1.34), (0.82, -1.05), (0.82, -0.7))
    fold = 0.25 * max(0.0, 0.3 - e.ears) + 0.75 * e.ears_back
    ears(easel, Ear(outline, inner, (0.62, -0.6)).turned(fold), ear_colour, mix(PINK, ear_colour, 0.2), rng)
    head = symmetric(
        (0, -0.84), (0.5, -0.8), (0.86 * wide, -0.45), (wide, 0.08), (0.84 * wide, 0.5), (0.45, 0.8), (0, 0.88)
    )  # fmt: skip
    easel.part(tufted(head, 0.06, rng), coat, patches=_cat_marks(coat, mark, pattern, rng), soft=0.03)
    muzzle_colour = {"points": mix(mark, coat, 0.15), "bib": CREAM}.get(pattern, light(coat))
    pads(easel, 0.2, 0.42, 0.27, 0.21, muzzle_colour, 0.8)
    iris = pick(rng, (148, 190, 72), (222, 178, 58), (84, 160, 200), (110, 176, 130))
    anatomy = Anatomy(
        eye_x=0.46, eye_y=-0.1, eye_rx=0.325, eye_ry=0.31, mouth_y=0.5, mouth_w=0.48, muzzle=0.85, iris=iris,
        lid=dark(coat, 0.12), brow=brow_colour(coat), muzzle_colour=muzzle_colour,
        sclera=mix(iris, (255, 255, 255), 0.72), slit=True,
    )  # fmt: skip
    anatomy = individual(anatomy, rng)
    whiskers(easel, 0.4, 0.42, (250, 248, 244) if sum(coat) < 560 else (120, 110, 108), 0.8, rng)
    mouth(easel, anatomy, e, nose_y=0.3)
    nose(easel, 0.25, 0.11, mix(PINK, (210, 90, 100), 0.45), 0.95)
    mood_features(easel, anatomy, e)


def rabbit(easel: Easel, e: Expression, rng: Rng) -> None:
    """A rabbit: an oval head under very long ears, upright or lopped, with front teeth."""
    coat = pick(rng, (242, 238, 234), (168, 162, 162), (178, 136, 98), (104, 92, 92), (222, 196, 164))
    lop, banded = bool(rng.uniform() < 0.25), bool(rng.uniform() < 0.35)
    top = -0.7 - float(rng.uniform(1.25, 1.6))
    middle = 0.5 * (top - 0.7)
    body(easel, coat, light(coat), rng, width=0.9, top=0.6)
    x = 0.42 if lop else 0.36
    outline = blob(
        (x - 0.2, -0.6), (x - 0.26, middle), (x - 0.04, top), (x + 0.14, top), (x + 0.28, middle), (x + 0.22, -0.6)
    )  # fmt: skip
    inner = blob(
        (x - 0.1, -0.8), (x - 0.13, middle), (x + 0.03, 0.85 * top), (x + 0.15, middle), (x + 0.1, -0.8)
    )  # fmt: skip
    upright = 0.16 + 0.55 * max(0.0, 0.55 - e.ears) + 0.75 * e.ears_back
    fold = 2.35 - 0.35 * e.ears + 0.1 * e.ears_back if lop else upright
    ears(easel, Ear(outline, inner, (x, -0.7)).turned(fold), coat, mix(PINK, coat, 0.15), rng, depth=-0.15)
    head = symmetric((0, -0.92), (0.45, -0.84), (0.74, -0.4), (0.82, 0.15), (0.72, 0.58), (0.4, 0.88), (0, 0.96))
    blaze = symmetric((0, -1.1), (0.14, -0.4), (0.2, 0.1), (0.75, 0.5), (0.6, 1.2))
    marks = (Patch(blaze, CREAM, 0.4),) if banded else ()
    easel.part(tufted(head, 0.05, rng), coat, patches=marks, soft=0.03)
    muzzle_colour = CREAM if banded else light(coat)
    pads(easel, 0.2, 0.46, 0.29, 0.25, muzzle_colour, 0.75)
    anatomy = Anatomy(
        eye_x=0.42, eye_y=-0.12, eye_rx=0.275, eye_ry=0.32, mouth_y=0.56, mouth_w=0.455, muzzle=0.85,
        iris=pick(rng, (90, 56, 40), (190, 70, 80), (70, 96, 140)), lid=dark(coat, 0.14), brow=brow_colour(coat),
        muzzle_colour=muzzle_colour,
    )  # fmt: skip
    anatomy = individual(anatomy, rng)
    whiskers(easel, 0.42, 0.48, (150, 142, 140), 0.75, rng)
    if e.gape < 0.1:
        for size, colour in ((1.0, INK), (0.78, (253, 250, 244))):
            easel.fill(ellipse(0, 0.68 + 0.08 * e.smile, 0.09 * size, 0.11 * size, power=3.5), colour, depth=0.84)
    mouth(easel, anatomy, e, nose_y=0.36)
    nose(easel, 0.31, 0.1, mix(PINK, (226, 120, 130), 0.5), 0.95)
    mood_features(easel, anatomy, e)


def hamster(easel: Easel, e: Expression, rng: Rng) -> None:
    """A hamster: a head wider than high with stuffed white cheeks, a dark stripe and small round ears."""
    coat = pick(rng, (222, 160, 92), (206, 134, 72), (184, 168, 152), (236, 208, 168))
    body(easel, coat, CREAM, rng, width=1.15, top=0.4)
    size = 0.36 * (1 + 0.12 * e.ears - 0.18 * e.ears_back)
    ear = Ear(ellipse(0.68, -0.88, size, size), ellipse(0.68, -0.84, 0.65 * size, 0.65 * size), (0.4, -0.4))
    fold = 0.3 * max(0.0, 0.4 - e.ears) + 0.6 * e.ears_back
    ears(easel, ear.turned(fold), dark(coat, 0.15), mix(PINK, coat, 0.25), rng)
    head = symmetric((0, -0.86), (0.5, -0.78), (0.9, -0.4), (1.16, 0.2), (1.02, 0.62), (0.5, 0.84), (0, 0.86))
    thin = float(rng.uniform(0.05, 0.16))
    stripe = blob((-thin, -1.0), (thin, -1.0), (0.6 * thin, -0.3), (0, -0.1), (-0.6 * thin, -0.3))
    marks = (
        Patch(ellipse(0.8, 0.42, 0.48, 0.42), CREAM, 0.4),
        Patch(ellipse(-0.8, 0.42, 0.48, 0.42), CREAM, 0.4),
        Patch(ellipse(0, 0.56, 0.5, 0.5), CREAM, 0.6),
        Patch(stripe, dark(coat, 0.4), 0.4),
    )
    easel.part(tufted(head, 0.055, rng), coat, patches=marks, soft=0.05)
    pads(easel, 0.14, 0.36, 0.2, 0.17, CREAM, 0.8)
    anatomy = Anatomy(
        eye_x=0.48, eye_y=-0.1, eye_rx=0.275, eye_ry=0.285, mouth_y=0.46, mouth_w=0.415, muzzle=0.85,
        iris=(58, 38, 36), lid=dark(coat, 0.1), brow=brow_colour(coat), muzzle_colour=CREAM,
    )  # fmt: skip
    anatomy = individual(anatomy, rng)
    whiskers(easel, 0.34, 0.38, (150, 132, 120), 0.8, rng)
    mouth(easel, anatomy, e, nose_y=0.26)
    nose(easel, 0.22, 0.085, mix(PINK, (220, 110, 120), 0.4), 0.95)
    mood_features(easel, anatomy, e)


def bird(easel: Easel, e: Expression, rng: Rng) -> None:
    """A bird: a round feathered head with a beak and a crest that rises and falls with its mood."""
    coat = pick(rng, (120, 190, 84), (92, 160, 214), (246, 208, 72), (214, 82, 70), (176, 182, 190), (70, 176, 170))
    face = mix(coat, (255, 246, 214), float(rng.uniform(0.35, 0.8)))
    horn = pick(rng, (244, 164, 50), (236, 130, 60), (250, 190, 80), (96, 92, 100))
    body(easel, coat, face, rng, width=1.0, top=0.5)
    lift = 0.5 + 0.45 * e.ears + 0.25 * e.ears_back
    for i in range(int(rng.integers(3, 6))):
        lean = 0.3 * (i - 1.8) + float(rng.normal(0, 0.06)) + 0.5 * (1 - lift)
        tall = (0.34 + 0.28 * lift) * float(rng.uniform(0.8, 1.15))
        feather = blob(
            (-0.1, -0.8),
            (-0.09, -0.85 - 0.7 * tall),
            (0, -0.88 - tall),
            (0.1, -0.85 - 0.6 * tall),
            (0.1, -0.8),
        )
        easel.part(turn(feather, lean, (0.0, -0.75)), dark(coat, 0.1 * (i % 3)))
    head = symmetric((0, -0.96), (0.55, -0.82), (0.9, -0.38), (0.96, 0.12), (0.8, 0.6), (0.4, 0.9), (0, 0.97))
    marks = [Patch(ellipse(side * 0.44, -0.08, 0.46, 0.5), face, 0.5) for side in (1, -1)]
    if rng.uniform() < 0.6:
        spot = pick(rng, (238, 128, 60), (224, 84, 90), (90, 110, 200))
        marks += [Patch(ellipse(side * 0.66, 0.42, 0.19, 0.16), spot, 0.4) for side in (1, -1)]
    easel.part(tufted(head, 0.035, rng, tufts=60), coat, patches=marks, fur=0.8)
    anatomy = Anatomy(
        eye_x=0.45, eye_y=-0.14, eye_rx=0.305, eye_ry=0.315, mouth_y=0.34, mouth_w=0.5, muzzle=1.05,
        iris=pick(rng, (60, 44, 40), (120, 70, 40), (50, 80, 110)), lid=dark(face, 0.16), brow=mix(coat, INK, 0.72),
        muzzle_colour=face,
    )  # fmt: skip
    anatomy = individual(anatomy, rng)
    beak(easel, anatomy, e, horn)
    mood_features(easel, anatomy, e)


PAINTERS: dict[str, Callable[[Easel, Expression, Rng], None]] = {
    "dog": dog,
    "cat": cat,
    "rabbit": rabbit,
    "hamster": hamster,
    "bird": bird,
}
"""How to draw each species."""

SPECIES = tuple(PAINTERS)
