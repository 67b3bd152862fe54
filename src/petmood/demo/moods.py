"""What a mood looks like: from a mood's name, its strength and a random generator to one face's expression."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np

from petmood.demo.geometry import between

MOODS = ("happy", "Sad", "Angry", "Other")
"""Class names, spelled as the real data set spells its folders."""


@dataclass(frozen=True, slots=True)
class Expression:
    """One face's expression. The defaults are a calm face; every value but `arcs` and `tears` is continuous.

    Attributes:
        smile: corners of the mouth, -1 (down) to 1 (up).
        gape: how far the mouth is open, 0 to 1.
        round: how much an open mouth is drawn to a circle, 0 to 1.
        teeth: how far the teeth are bared, 0 to 1.
        tongue: how far the tongue shows, 0 to 1.
        lid: how far the upper lid is down, 0 (wide open) to 1 (closed).
        slant: the upper lid's tilt, -1 (outer end low: sorrow) to 1 (inner end low: anger).
        squint: how far the lower lid is up, 0 to 1.
        pupil: size of the pupil relative to the iris.
        brow: height of the brows, -1 (pressed on the eyes) to 1 (raised).
        brow_slant: tilt of the brows, -1 (inner end high: sorrow) to 1 (inner end low: anger).
        brow_skew: how much higher one brow stands than the other.
        ears: -1 (drooping) to 1 (pricked).
        ears_back: 0 (forwards) to 1 (flattened outwards).
        gaze_x, gaze_y: where the iris looks, -1 to 1.
        blush: pink on the cheeks, 0 to 1.
        nod: the head's own pitch, -1 (raised) to 1 (hanging).
        arcs: 0 for open eyes; 1 or -1 for closed eyes drawn as arcs that bulge up (joy) or down (sleep).
        tears: how many tears are drawn.
    """

    smile: float = 0.12
    gape: float = 0.0
    round: float = 0.0
    teeth: float = 0.0
    tongue: float = 0.0
    lid: float = 0.16
    slant: float = 0.0
    squint: float = 0.05
    pupil: float = 0.58
    brow: float = 0.1
    brow_slant: float = 0.0
    brow_skew: float = 0.0
    ears: float = 0.3
    ears_back: float = 0.0
    gaze_x: float = 0.0
    gaze_y: float = 0.0
    blush: float = 0.0
    nod: float = 0.0
    arcs: int = 0
    tears: int = 0


CALM = Expression()

VARIANTS: Mapping[str, Mapping[str, Expression]] = {
    "happy": {
        "grin": Expression(
            smile=1.0, gape=0.75, tongue=0.8, lid=0.04, squint=0.3, pupil=0.66, brow=0.7, ears=0.9, blush=0.8, nod=-0.3
        ),
        "laugh": Expression(
            smile=1.0, gape=1.0, tongue=0.55, brow=0.8, ears=0.7, blush=1.0, nod=-0.6, arcs=1
        ),
        "beam": Expression(
            smile=1.0, gape=0.45, tongue=0.5, lid=0.08, squint=0.35, pupil=0.7, brow=0.6, ears=0.8, blush=0.9
        ),
    },
    "Sad": {
        "weeping": Expression(
            smile=-0.9, lid=0.3, slant=-0.8, pupil=0.74, brow=0.45, brow_slant=-1.0, ears=-0.9, nod=0.5,
            gaze_y=0.3, tears=2
        ),
        "downcast": Expression(
            smile=-0.8, lid=0.5, slant=-0.7, pupil=0.66, brow=0.2, brow_slant=-0.9, ears=-1.0, nod=0.9,
            gaze_y=0.8, tears=2
        ),
        "pleading": Expression(
            smile=-0.75, lid=0.08, slant=-0.55, pupil=0.84, brow=0.7, brow_slant=-1.0, ears=-0.7, nod=0.3,
            gaze_y=-0.4, tears=2
        ),
    },
    "Angry": {
        "snarl": Expression(
            smile=-0.6, gape=0.55, teeth=1.0, lid=0.36, slant=0.9, squint=0.25, pupil=0.34, brow=-0.7, brow_slant=1.0,
            ears=0.1, ears_back=0.9,
        ),
        "glare": Expression(
            smile=-0.7, gape=0.3, teeth=0.9, lid=0.46, slant=1.0, squint=0.35, pupil=0.34, brow=-0.9, brow_slant=1.0,
            ears=0.0, ears_back=1.0, nod=0.3,
        ),
        "roar": Expression(
            smile=-0.2, gape=1.0, teeth=0.85, lid=0.3, slant=0.85, squint=0.3, pupil=0.3, brow=-0.6, brow_slant=1.0,
            ears=-0.1, ears_back=1.0, nod=-0.3,
        ),
    },
    "Other": {
        "calm": Expression(smile=0.0, lid=0.4, pupil=0.6, brow=0.0, ears=0.0),
        "surprised": Expression(
            smile=-0.25, gape=0.9, round=1.0, lid=-0.15, squint=0.0, pupil=0.3, brow=1.3, ears=1.0, nod=-0.2
        ),
        "sleepy": Expression(smile=0.05, lid=0.7, brow=-0.1, ears=-0.1, nod=0.3, arcs=-1),
    },
}  # fmt: skip
"""For each mood its kinds of face at full strength."""

_JITTER = 0.06
_FIXED = ("arcs", "tears")


def express(mood: str, strength: float, rng: np.random.Generator) -> tuple[str, Expression]:
    """Draw one face of a mood.

    Args:
        mood: a name in `MOODS`.
        strength: 0 (a calm face) to 1 (the full expression). Arcs and tears appear above 0.6 only.
        rng: chooses the variant and jitters it.

    Returns:
        The variant's name and the expression.
    """
    variants = VARIANTS[mood]
    name = list(variants)[int(rng.integers(len(variants)))]
    target = variants[name]
    continuous = [field.name for field in fields(Expression) if field.name not in _FIXED]
    jitter = rng.normal(0.0, _JITTER, len(continuous))
    values = {
        key: between(getattr(CALM, key), getattr(target, key), strength) + float(noise)
        for key, noise in zip(continuous, jitter, strict=True)
    }
    for key in ("gape", "round", "teeth", "tongue", "squint", "ears_back", "blush"):
        # A closed mouth stays closed: jitter must not open it, bare its teeth or paint a faint blush.
        values[key] = min(1.0, max(0.0, values[key])) if getattr(target, key) else 0.0
    clear = strength > 0.6
    return name, replace(CALM, **values, arcs=target.arcs if clear else 0, tears=target.tears if clear else 0)
