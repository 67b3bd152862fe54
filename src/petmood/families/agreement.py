"""Two pictures, one laid on the other -> where they agree to the pixel, and what is left of them beside print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from petmood.families.geometry import Grey, Mask
from petmood.records import FloatArray

_FINE: Final = 1.0  # pixels: standard deviation of the blur that takes noise away
_COARSE: Final = 19  # pixels: side of the blur that is taken for lighting
WINDOW: Final = 21  # pixels: side of the window within which two pictures are correlated
CLOSE: Final = 11  # the same where something may cover a part: a smaller window meets its edge more seldom
WORST: Final = 0.1
_BLACK, _WHITE = 5, 250  # grey levels at which pixels are clipped and show nothing
_MIN_DETAIL: Final = 2.0  # grey levels of detail below which a window is a blank wall that agrees with any other
MIN_PIXELS: Final = 150
_QUIET: Final = 0.25  # share of the windows that are taken to differ by noise alone
_REST: Final = 0.35  # share of the windows that must be left
_ABOVE: Final = 4.0  # times its power that detail must have to tell anything
TINY: Final = 1e-3

_EXACT: Final = 0.9  # correlation of a window from which it agrees to the pixel
APART: Final = 0.75  # and below which it does not agree
FOUND: Final = 0.85  # and from which it agrees once it is moved
_DIFFERS: Final = 0.4  # and up to which it shows something else

_INK: Final = 10.0  # grey levels from which a pixel is taken for print, if that is also
_UNUSUAL: Final = 3.0  # so many times what half of the pixels differ by
_START, _NARROWER, _FITS, _NARROWEST = 60.0, 0.75, 12, 5.0  # grey levels: reach of the fit of light, as it narrows


@dataclass(frozen=True)
class Comparison:
    """Two pictures of one size, window by window.

    Attributes:
        correlation: (height, width) float32 of the detail around each pixel, in [-1, 1]; of a negative it is below 0.
        telling: (height, width) where there is detail to compare.
        first, second: (height, width) float32 detail of the two: no noise, no lighting, no clipped pixels.
        gain: (height, width) float32: how many times the first detail the second is, around each pixel.
    """

    correlation: FloatArray
    telling: Mask
    first: FloatArray
    second: FloatArray
    gain: FloatArray

    @cached_property
    def enough(self) -> bool:
        """Whether there is detail enough to say anything."""
        return int(self.telling.sum()) >= MIN_PIXELS

    @cached_property
    def told(self) -> FloatArray:
        """(n,) float32 correlation, of either sign, of the windows that tell."""
        return np.abs(self.correlation[self.telling])

    def reached(self, share: float) -> float:
        """The correlation, of either sign, that all but a share of the windows reach; 0 if there is nothing to tell."""
        if not self.enough:
            return 0.0
        rank = int(share * (len(self.told) - 1))
        return float(np.partition(self.told, rank)[rank])

    @cached_property
    def agreement(self) -> float:
        """What nine tenths of the windows reach."""
        return self.reached(WORST)

    @cached_property
    def exact(self) -> float:
        """Share of windows that agree to the pixel."""
        return float((self.told > _EXACT).mean()) if self.enough else 0.0

    @cached_property
    def between(self) -> float:
        """Share of windows that neither agree nor differ."""
        return float(((self.told > _DIFFERS) & (self.told < FOUND)).mean()) if self.enough else 0.0

    @cached_property
    def likeness(self) -> float:
        """Correlation of detail over the whole."""
        power = float((self.first**2).sum() * (self.second**2).sum())
        return float((self.first * self.second).sum() / np.sqrt(max(power, TINY)))


@dataclass(frozen=True)
class Print:
    """Two pictures of one size, and what is taken for print on one of them.

    Attributes:
        laid, under: the two.
        beside: (height, width) where one lies on the other and neither is printed over.
        share: share of the overlap that is taken for print, in [0, 1].
        one_sided: share of the difference that has one sign, in [0.5, 1]: near 1 for print in one colour, near 0.5
            where something moved, since it uncovers on one side what it covers on the other.
    """

    laid: Grey
    under: Grey
    beside: Mask
    share: float
    one_sided: float

    @cached_property
    def rest(self) -> Comparison:
        """How they agree beside the print."""
        return compare(self.laid, self.under, self.beside)


def compare(x: Grey, y: Grey, solid: Mask, window: int = WINDOW) -> Comparison:
    """Compare two pictures of one size where `solid`.

    What is compared is detail: what is left between a fine and a coarse blur. Clipped and uncovered pixels do not shine
    into it, so that neither flash nor frame matters.
    """
    import cv2

    clipped = (np.minimum(x, y) <= _BLACK) | (np.maximum(x, y) >= _WHITE)
    usable = (solid & ~clipped).astype(np.uint8)
    usable = np.asarray(cv2.erode(usable, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_REPLICATE), np.uint8)
    weight = usable.astype(np.float32)
    a, b = detail((x, y), weight)
    around = np.maximum(cv2.blur(weight, (window, window)), TINY)
    aa, bb, ab = (cv2.blur(product, (window, window)) / around for product in (a * a, b * b, a * b))
    telling = (usable > 0) & (np.maximum(aa, bb) > _MIN_DETAIL**2)
    if telling.any():
        # what differs wherever one looks is noise, and what hardly exceeds it tells nothing
        differing = (bb - ab * ab / np.maximum(aa, TINY))[telling]
        rank = int(_QUIET * (len(differing) - 1))
        above = telling & (np.minimum(aa, bb) > _ABOVE * np.partition(differing, rank)[rank])
        if above.sum() >= _REST * len(differing):  # two pictures that have little in common differ everywhere as well
            telling = above
    correlation = np.asarray(ab / np.sqrt(np.maximum(aa * bb, TINY)), np.float32)
    return Comparison(correlation, telling, a, b, np.asarray(ab / np.maximum(aa, TINY), np.float32))


def detail(pictures: Sequence[Grey], weight: FloatArray) -> list[FloatArray]:
    """What is left of pictures of one size between a fine and a coarse blur, where their common weight is not 0."""
    import cv2

    coarse = (_COARSE, _COARSE)
    fine_of = np.maximum(cv2.GaussianBlur(weight, (0, 0), _FINE), TINY)
    coarse_of = np.maximum(cv2.blur(weight, coarse), TINY)
    found = []
    for grey in pictures:
        values = grey * weight
        band = cv2.GaussianBlur(values, (0, 0), _FINE) / fine_of - cv2.blur(values, coarse) / coarse_of
        found.append(np.asarray(band * weight, dtype=np.float32))
    return found


def printed(laid: Grey, under: Grey, solid: Mask) -> Print:
    """Take what stands out of the difference of two pictures for print.

    Print all over a picture leaves no window whole, so that windows alone cannot tell it from another picture.

    Args:
        laid: one picture, as it lies on the other.
        under: the other.
        solid: where it lies; at least one pixel.
    """
    import cv2

    first, second = (cv2.GaussianBlur(side.astype(np.float32), (0, 0), 0.7 * _FINE) for side in (laid, under))
    difference = _relit(np.asarray(first, np.float32), np.asarray(second, np.float32), solid)
    usual = float(np.median(np.abs(difference[solid])))
    ink = (np.abs(difference) > max(_INK, _UNUSUAL * usual)) & solid
    lighter, darker = float(difference[ink & (difference > 0)].sum()), -float(difference[ink & (difference < 0)].sum())
    around = np.asarray(cv2.dilate(ink.astype(np.uint8), np.ones((3, 3), np.uint8))) > 0
    return Print(
        laid,
        under,
        beside=solid & ~around,
        share=float(around[solid].mean()),
        one_sided=max(lighter, darker) / max(lighter + darker, TINY),
    )


def _relit(first: FloatArray, second: FloatArray, solid: Mask) -> FloatArray:
    """The second picture less the first in the second's light, as most pixels have it."""
    a, b = first[solid], second[solid]
    weight, reach = np.ones_like(a), _START
    gain = offset = 0.0
    for _ in range(_FITS):
        total = float(weight.sum())
        x, y = float(weight @ a) / total, float(weight @ b) / total
        from_x, missed = a - np.float32(x), b - np.float32(y)
        weight *= from_x
        gain = float(weight @ missed) / max(float(weight @ from_x), TINY)
        offset = y - gain * x
        reach = max(_NARROWEST, _NARROWER * reach)
        # 1 / (1 + (what is missed / reach)^2)^2, in place: most of the time goes into moving these numbers
        from_x *= np.float32(gain)
        missed -= from_x
        missed *= np.float32(1 / reach)
        missed *= missed
        missed += np.float32(1)
        missed *= missed
        weight = np.reciprocal(missed, out=missed)
    return np.asarray(second - gain * first - offset, dtype=np.float32)
