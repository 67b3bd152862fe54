"""Two pictures, one laid on the other -> where they agree to the pixel, where one is covered, and what has moved.

A covered copy agrees with its photo to the pixel except in places, and what is under the cover can be found nowhere
near. In the next frame of one scene, what disagrees can be found: a little further on, as one piece. A deformed copy
has moved too, but everywhere a little, without an edge, and then agrees everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from petmood.families.geometry import Grey, Mask
from petmood.records import FloatArray

_FINE: Final = 1.0  # pixels: standard deviation of the blur that takes noise away
_COARSE: Final = 19  # pixels: side of the blur that is taken for lighting
_WINDOW: Final = 21  # pixels: side of the window within which two pictures are correlated
_CLOSE: Final = 11  # the same where something may cover a part: a smaller window meets its edge more seldom
_WORST: Final = 0.1
_BLACK, _WHITE = 5, 250  # grey levels at which pixels are clipped and show nothing
_MIN_DETAIL: Final = 2.0  # grey levels of detail below which a window is a blank wall that agrees with any other
_MIN_PIXELS: Final = 150
_QUIET: Final = 0.25  # share of the windows that are taken to differ by noise alone
_REST: Final = 0.35  # share of the windows that must be left
_ABOVE: Final = 4.0  # times its power that detail must have to tell anything
_TINY: Final = 1e-3

_EXACT: Final = 0.9  # correlation of a window from which it agrees to the pixel
_APART: Final = 0.75  # and below which it does not agree
_FOUND: Final = 0.85  # and from which it agrees once it is moved
_DIFFERS: Final = 0.4  # and up to which it shows something else
_MOVED: Final = 0.5  # pixels
_STEP: Final = 4  # windows overlap: every fourth pixel of each direction is enough
_SPARSE: Final = 2 * _STEP  # and for a motion of the whole every eighth
_SHIFT: Final = 0.4  # pixels that a window must have shifted to have moved, where
_BY_SHIFT: Final = 0.35  # its shift explains such a share of what differs in it
_SETTLED, _LITTLE = 2, 0.03  # times that the plane is fitted again while more than such a share has shifted
_SMOOTH: Final = 4.0  # pixels: standard deviation of the blur of a flow
_ROUNDS: Final = 6

Plane = NDArray[np.float64]
"""Eight parameters of a plane's flow, in pixels at the edge of a picture."""

_INK: Final = 10.0  # grey levels from which a pixel is taken for print, if that is also
_UNUSUAL: Final = 3.0  # so many times what half of the pixels differ by
_START, _NARROWER, _FITS, _NARROWEST = 60.0, 0.75, 12, 5.0  # grey levels: reach of the fit of light, as it narrows


@dataclass(frozen=True, slots=True)
class Motion:
    """How far what disagrees has moved, after the best smooth motion of the whole (as of a tilted plane) is taken out.

    Attributes:
        agreement: correlation of detail that nine tenths of the windows reach.
        exact: share of windows that agree to the pixel.
        between: share of windows that neither agree to the pixel nor differ: many where two pictures are much alike,
            few where one is covered.
        moved: share of windows that do not agree where they are, but do a little further on.
        shifted: see `shifted`.
        bent: correlation that nine tenths of the windows reach after each has moved.
        still: share of windows that moved much less than the others: high where one piece moved before another, low
            where a picture was deformed.
    """

    agreement: float
    exact: float
    between: float
    moved: float
    shifted: float
    bent: float
    still: float


@dataclass(frozen=True, slots=True)
class Print:
    """What is left of two pictures where neither is printed over.

    Attributes:
        agreement: correlation of detail that nine tenths of the windows beside the print reach.
        exact: share of those windows that agree to the pixel.
        likeness: correlation of their detail, in [-1, 1].
        share: share of the overlap that is taken for print, in [0, 1].
        one_sided: share of the difference that has one sign, in [0.5, 1]: near 1 for print in one colour, near 0.5
            where something moved, since it uncovers on one side what it covers on the other.
    """

    agreement: float
    exact: float
    likeness: float
    share: float
    one_sided: float


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
        return int(self.telling.sum()) >= _MIN_PIXELS

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
        return self.reached(_WORST)

    @cached_property
    def exact(self) -> float:
        """Share of windows that agree to the pixel."""
        return float((self.told > _EXACT).mean()) if self.enough else 0.0

    @cached_property
    def between(self) -> float:
        """Share of windows that neither agree nor differ."""
        return float(((self.told > _DIFFERS) & (self.told < _FOUND)).mean()) if self.enough else 0.0

    @cached_property
    def likeness(self) -> float:
        """Correlation of detail over the whole."""
        power = float((self.first**2).sum() * (self.second**2).sum())
        return float((self.first * self.second).sum() / np.sqrt(max(power, _TINY)))


def rules() -> list[float]:
    """Every number that agreement depends on beside the pictures."""
    return [
        *(_FINE, _COARSE, _WINDOW, _CLOSE, _WORST, _BLACK, _WHITE, _MIN_DETAIL, _MIN_PIXELS, _QUIET, _REST, _ABOVE),
        *(_SHIFT, _BY_SHIFT, _SETTLED, _LITTLE),
        *(_EXACT, _APART, _FOUND, _DIFFERS, _MOVED, _STEP, _SPARSE, _SMOOTH, _ROUNDS),
        *(_INK, _UNUSUAL, _START, _NARROWER, _FITS, _NARROWEST),
    ]


def compare(x: Grey, y: Grey, solid: Mask, window: int = _WINDOW) -> Comparison:
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
    around = np.maximum(cv2.blur(weight, (window, window)), _TINY)
    aa, bb, ab = (cv2.blur(product, (window, window)) / around for product in (a * a, b * b, a * b))
    telling = (usable > 0) & (np.maximum(aa, bb) > _MIN_DETAIL**2)
    if telling.any():
        # what differs wherever one looks is noise, and what hardly exceeds it tells nothing
        differing = (bb - ab * ab / np.maximum(aa, _TINY))[telling]
        rank = int(_QUIET * (len(differing) - 1))
        above = telling & (np.minimum(aa, bb) > _ABOVE * np.partition(differing, rank)[rank])
        if above.sum() >= _REST * len(differing):  # two pictures that have little in common differ everywhere as well
            telling = above
    correlation = np.asarray(ab / np.sqrt(np.maximum(aa * bb, _TINY)), np.float32)
    return Comparison(correlation, telling, a, b, np.asarray(ab / np.maximum(aa, _TINY), np.float32))


def detail(pictures: Sequence[Grey], weight: FloatArray) -> list[FloatArray]:
    """What is left of pictures of one size between a fine and a coarse blur, where their common weight is not 0."""
    import cv2

    coarse = (_COARSE, _COARSE)
    fine_of = np.maximum(cv2.GaussianBlur(weight, (0, 0), _FINE), _TINY)
    coarse_of = np.maximum(cv2.blur(weight, coarse), _TINY)
    found = []
    for grey in pictures:
        values = grey * weight
        band = cv2.GaussianBlur(values, (0, 0), _FINE) / fine_of - cv2.blur(values, coarse) / coarse_of
        found.append(np.asarray(band * weight, dtype=np.float32))
    return found


def motion(laid: Grey, under: Grey, solid: Mask, before: Comparison) -> Motion | None:
    """Tell what has moved between two pictures that lie on each other nearly; None if there is too little to tell.

    Args:
        laid: one picture, as it lies on the other.
        under: the other.
        solid: where it lies.
        before: `compare` of the three.
    """
    flow = _flow(before, 0)  # a plane needs no refinement, which takes half of the time
    there = compare(_moved(laid, flow), under, _moved_mask(solid, flow))
    every = slice(None, None, _SPARSE)
    sure = np.clip(2 * np.abs(there.correlation[every, every]) - 1, 0.001, 1)
    fitted = _plane(flow[every, every], before.telling[every, every], sure, under.shape)
    plane = np.asarray(_flow_of(fitted, under.shape), np.float32)
    laid, solid = _moved(laid, plane), _moved_mask(solid, plane)
    now = compare(laid, under, solid)
    for _ in range(_SETTLED):
        share, fitted = _shift(now)
        if share <= _LITTLE:
            break
        plane = np.asarray(_flow_of(fitted, under.shape), np.float32)
        laid, solid = _moved(laid, plane), _moved_mask(solid, plane)
        now = compare(laid, under, solid)
    if not now.enough:
        return None
    flow = _smoothed(_flow(now), now)
    there = compare(_moved(laid, flow), under, _moved_mask(solid, flow))
    both = now.telling & there.telling
    if both.sum() < _MIN_PIXELS:
        return None
    close = compare(laid, under, solid, _CLOSE)
    length = np.hypot(flow[..., 0], flow[..., 1])
    here, further = np.abs(now.correlation), np.abs(there.correlation)
    moved = (here < _APART) & (further > _FOUND) & (length > _MOVED)
    known = length[both & (further > 0.8)]
    typical = float(np.sqrt((known**2).mean())) if known.size else 0.0
    return Motion(
        agreement=now.agreement,
        exact=close.exact,
        between=close.between,
        moved=float(moved[both].mean()),
        shifted=shifted(now),
        bent=float(np.quantile(further[both], _WORST)),
        still=float((known < 0.3 * typical).mean()) if known.size else 1.0,
    )


def shifted(pair: Comparison) -> float:
    """Share of windows in which two pictures differ by a small shift, beside the motion of a plane common to all.

    Two frames of a scene agree nearly where little moved, but what differs is what a shift of a pixel makes of it; what
    noise or compression make of a copy is not.
    """
    return _shift(pair)[0]


def _shift(pair: Comparison) -> tuple[float, Plane]:
    """The share of `shifted`, and the plane."""
    import cv2

    if not pair.enough:
        return 0.0, np.zeros(8)

    def around(product: FloatArray) -> FloatArray:
        return np.asarray(cv2.blur(product, (_WINDOW, _WINDOW)), np.float32)

    a, b = pair.first * pair.gain, pair.second
    both, less = 0.5 * (a + b), b - a
    dx, dy = (cv2.Sobel(both, cv2.CV_32F, *order, ksize=3, scale=1 / 8) for order in ((1, 0), (0, 1)))
    products = (dx * dx, dx * dy, dy * dy, dx * less, dy * less, less * less)
    xx, xy, yy, x, y, differing = (around(product)[::_STEP, ::_STEP] for product in products)
    noise = 0.02 * (xx + yy) + _TINY
    room = (xx + noise) * (yy + noise) - xy * xy

    def solved(x: FloatArray, y: FloatArray) -> FloatArray:
        return np.stack([((yy + noise) * x - xy * y) / room, ((xx + noise) * y - xy * x) / room], axis=-1)

    telling = pair.telling[::_STEP, ::_STEP]
    sure = np.clip(2 * np.abs(pair.correlation[::_SPARSE, ::_SPARSE]) - 1, 0.001, 1)
    plane = _plane(solved(x, y)[::2, ::2], telling[::2, ::2], sure, pair.telling.shape)
    # a plane hardly changes within a window: what is left beside it needs no second look at the pixels
    px, py = np.moveaxis(_flow_of(plane, pair.telling.shape, _STEP), 2, 0)
    differing = differing - 2 * (px * x + py * y) + px * px * xx + 2 * px * py * xy + py * py * yy
    x, y = x - px * xx - py * xy, y - px * xy - py * yy
    flow = solved(x, y)
    explained = (flow[..., 0] * x + flow[..., 1] * y) / np.maximum(differing, _TINY)
    moved = (np.hypot(flow[..., 0], flow[..., 1]) > _SHIFT) & (explained > _BY_SHIFT)
    return float(moved[telling].mean()) if telling.any() else 0.0, plane


def beside_print(laid: Grey, under: Grey, solid: Mask) -> Print:
    """Take what stands out of the difference of two pictures for print, and compare the rest.

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
    rest = compare(laid, under, solid & ~around)
    return Print(
        agreement=rest.agreement,
        exact=rest.exact,
        likeness=rest.likeness,
        share=float(around[solid].mean()),
        one_sided=max(lighter, darker) / max(lighter + darker, _TINY),
    )


def _relit(first: FloatArray, second: FloatArray, solid: Mask) -> FloatArray:
    """The second picture less the first in the second's light, as most pixels have it."""
    a, b = first[solid], second[solid]
    weight, reach = np.ones_like(a), _START
    gain = offset = 0.0
    for _ in range(_FITS):
        total = float(weight.sum())
        x, y = float((weight * a).sum()) / total, float((weight * b).sum()) / total
        gain = float((weight * (a - x) * (b - y)).sum()) / max(float((weight * (a - x) ** 2).sum()), _TINY)
        offset = y - gain * x
        reach = max(_NARROWEST, _NARROWER * reach)
        weight = np.asarray(1 / (1 + ((b - gain * a - offset) / reach) ** 2) ** 2, dtype=np.float32)
    return np.asarray(second - gain * first - offset, dtype=np.float32)


def _flow(pair: Comparison, refined: int = 5) -> FloatArray:
    """(height, width, 2) float32: how many pixels to look further in the first picture for what the second shows."""
    import cv2

    search: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    search.setFinestScale(0)
    search.setPatchSize(8)
    search.setPatchStride(4)
    search.setVariationalRefinementIterations(refined)
    sign = 1.0 if float((pair.first * pair.second).sum()) >= 0 else -1.0
    return np.asarray(search.calc(_as_bytes(pair.second), _as_bytes(sign * pair.first), None), dtype=np.float32)


def _as_bytes(detail: FloatArray) -> Grey:
    scaled = np.clip(128 + detail * (100 / (3 * float(detail.std()) + _TINY)), 0, 255)
    return np.asarray(scaled, dtype=np.uint8)


def _moved(picture: Grey, flow: FloatArray) -> Grey:
    import cv2

    x, y = _grid(picture.shape)
    moved = cv2.remap(picture, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


def _moved_mask(solid: Mask, flow: FloatArray) -> Mask:
    import cv2

    x, y = _grid(solid.shape)
    moved = cv2.remap(
        solid.astype(np.uint8),
        x + flow[..., 0],
        y + flow[..., 1],
        cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=0,
    )
    return np.asarray(moved) > 0


def _grid(shape: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    return x, y


def _plane(flow: FloatArray, telling: Mask, sure: FloatArray, shape: tuple[int, ...]) -> Plane:
    """The flow of a plane seen from elsewhere (eight parameters) that most of a flow follows.

    Args:
        flow: (rows, columns, 2) at every `_SPARSE`-th pixel.
        telling: (rows, columns) where it is known.
        sure: (rows, columns) how well.
        shape: height and width of the picture.
    """
    p: Plane = np.zeros(8)
    if telling.sum() < 16:
        return p
    known, products = _basis(shape)
    wanted = flow.reshape(-1, 2).astype(np.float64)
    pulls = (known * wanted[:, :, None]).sum(axis=1)
    sure_of = (sure * telling).ravel().astype(np.float64)
    weight, reach = sure_of, 4.0
    for _ in range(_ROUNDS):
        p = np.linalg.solve((weight @ products).reshape(8, 8) + 1e-6 * np.eye(8), weight @ pulls)
        reach = max(0.5, 0.6 * reach)
        missed = (wanted - known @ p) / reach
        weight = sure_of / (1 + (missed**2).sum(axis=1)) ** 2
    return p


@lru_cache(maxsize=32)
def _basis(shape: tuple[int, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n, 2, 8) flow that each parameter of a plane makes at every `_SPARSE`-th pixel; and (n, 64) its products."""
    known = np.stack([_flow_of(one, shape, _SPARSE) for one in np.eye(8)], axis=-1).reshape(-1, 2, 8)
    return known, np.einsum("nki,nkj->nij", known, known).reshape(-1, 64)


def _flow_of(p: Plane, shape: tuple[int, ...], step: int = 1) -> NDArray[np.float64]:
    """(rows, columns, 2) flow of a plane at every `step`-th pixel of a picture of a shape."""
    height, width = shape
    u = (np.arange(0, width, step) - width / 2)[None, :] / (width / 2)
    v = (np.arange(0, height, step) - height / 2)[:, None] / (height / 2)
    tilt = p[6] * u + p[7] * v
    return np.stack([p[0] + p[1] * u + p[2] * v + u * tilt, p[3] + p[4] * u + p[5] * v + v * tilt], axis=-1)


def _smoothed(flow: FloatArray, pair: Comparison) -> FloatArray:
    """A flow without edges: each place follows the detail around it."""
    import cv2

    weight = cv2.blur(pair.second**2, (9, 9)) * pair.telling
    total = cv2.GaussianBlur(weight, (0, 0), _SMOOTH) + _TINY
    parts = [cv2.GaussianBlur(weight * flow[..., k], (0, 0), _SMOOTH) / total for k in (0, 1)]
    return np.stack(parts, axis=-1).astype(np.float32)
