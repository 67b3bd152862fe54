"""Two pictures, one laid on the other -> both in one tone, where a curve makes the one's grey levels of the other's.

A picture that was solarised, posterised or given other colours is its photo seen through a curve: what one level
became, it became everywhere. A curve has no places, so that it makes no other picture, and no next frame, more alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from petmood.families.agreement import MIN_PIXELS, TINY
from petmood.families.geometry import Grey, Mask
from petmood.records import FloatArray

_LEVELS: Final = 32  # steps of the curve: few enough that a picture's places cannot hide in it
_SEEN: Final = 0.001  # share of the pixels that a step must have to be known
_SOFT: Final = 0.7  # pixels: standard deviation of a blur, since pictures lie on each other but nearly


@dataclass(frozen=True, slots=True)
class Retoned:
    """Two pictures in the tones of one of them.

    Attributes:
        laid, under: the two, of which one went through the curve.
        explained: share of the variance of the other's levels that the curve explains beyond a straight line
            (correlation ratio less squared correlation), in [0, 1]: near 0 where light and contrast changed alone.
    """

    laid: Grey
    under: Grey
    explained: float


def retoned(laid: Grey, under: Grey, solid: Mask) -> Retoned | None:
    """Give the one picture the other's tones, the way that explains more; None if they hardly overlap.

    Args:
        laid: one picture, as it lies on the other.
        under: the other.
        solid: where it lies.
    """
    if int(solid.sum()) < MIN_PIXELS:
        return None
    forth, back = _curve(laid, under, solid), _curve(under, laid, solid)
    if forth[1] >= back[1]:
        return Retoned(forth[0][laid], under, forth[2])
    return Retoned(laid, back[0][under], back[2])


def _curve(source: Grey, target: Grey, solid: Mask) -> tuple[Grey, float, float]:
    """(256,) the target's mean level for each of the source's, the correlation ratio, and how far it exceeds r^2."""
    import cv2

    level = np.asarray(cv2.GaussianBlur(source, (0, 0), _SOFT))[solid].astype(np.float64)
    wanted: FloatArray = target[solid].astype(np.float64)
    step = (level * (_LEVELS / 256)).astype(np.int64)
    count = np.bincount(step, minlength=_LEVELS)
    total = np.bincount(step, weights=wanted, minlength=_LEVELS)
    variance = max(float(wanted.var()) * len(wanted), TINY)
    between = float((total**2 / np.maximum(count, 1)).sum()) - float(wanted.sum()) ** 2 / len(wanted)
    from_mean = level - level.mean()
    straight = float(from_mean @ wanted) ** 2 / (max(float(from_mean @ from_mean), TINY) * variance)
    known = count >= max(4, _SEEN * len(wanted))
    if not known.any():
        return np.arange(256, dtype=np.uint8), 0.0, 0.0
    middles = (np.flatnonzero(known) + 0.5) * (256 / _LEVELS)
    curve = np.interp(np.arange(256), middles, total[known] / count[known])
    ratio = between / variance
    return np.clip(np.rint(curve), 0, 255).astype(np.uint8), ratio, ratio - straight
