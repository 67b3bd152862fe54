"""Local features of two pictures -> whether one is the other turned, cropped, mirrored or relit, and how surely."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from petmood.families.candidates import quarter_turns, thumbnail
from petmood.families.local import LocalFeatures
from petmood.records import FloatArray, IntArray
from petmood.threads import cores

MIN_INLIERS: Final = 8
"""Matched features that must agree on one similarity transform."""

MIN_AGREEMENT: Final = 0.7
"""Local correlation of detail that two pictures must have over nine tenths of where one lies on the other."""

MIN_OVERLAP: Final = 0.25
"""Share of the smaller picture that the other must cover: below it, they may share a logo, not a photo."""

_RATIO: Final = 0.8  # Lowe's: the best match must be nearer than this times the second best
_REPROJECTION: Final = 4.0  # pixels
_STEPS: Final = 1000
_SCALES: Final = (0.1, 10.0)
_FINE: Final = 1.4  # pixels: standard deviation of the blur that takes noise away
_COARSE: Final = 27  # pixels: side of the blur that is taken for lighting
_WINDOW: Final = 35  # pixels: side of the window within which two pictures are correlated
_WORST: Final = 0.1
_BLACK, _WHITE = 5, 250  # grey levels at which pixels are clipped and show nothing
_MIN_DETAIL: Final = 2.0  # grey levels of detail below which a window is a blank wall that agrees with any other
_MIN_PIXELS: Final = 256
_TINY: Final = 1e-3
_HOPELESS: Final = 0.5  # correlation of two thumbnails below which no detail can agree everywhere
_SEED: Final = 7

Transform = NDArray[np.float64]
Grey = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How well one picture lies on another.

    Attributes:
        inliers: features that agree on the transform; 0 where it was found by whole pictures instead.
        agreement: correlation of their detail in a window, in [-1, 1], which nine tenths of their overlap reach. Two
            drawings from one template, or two photos of one animal, agree here and there, but not everywhere.
        likeness: correlation of their detail over the whole overlap, in [-1, 1].
        overlap: share of the smaller picture that is covered, in [0, 1].
        scale: pixels of the second picture for one of the first.
        mirrored: True if one is a mirror image of the other.
    """

    inliers: int
    agreement: float
    likeness: float
    overlap: float
    scale: float
    mirrored: bool

    @property
    def same_photo(self) -> bool:
        """Whether this is evidence enough that both pictures show one photo."""
        return (
            self.agreement >= MIN_AGREEMENT
            and self.overlap >= MIN_OVERLAP
            and (self.inliers >= MIN_INLIERS or self.inliers == 0)
        )


def rules() -> list[float]:
    """Every number that a verdict depends on beside the pictures: part of the cache key of what is made of verdicts."""
    return [
        MIN_INLIERS,
        MIN_AGREEMENT,
        MIN_OVERLAP,
        _RATIO,
        _REPROJECTION,
        _STEPS,
        _FINE,
        _COARSE,
        _WINDOW,
        _WORST,
        _HOPELESS,
    ]


NOTHING: Final = Verdict(1, 0.0, 0.0, 0.0, 1.0, False)
"""No transform was found."""


class Verifier:
    """Compares pictures by their local features."""

    def __init__(self, found: list[LocalFeatures]) -> None:
        self._found = found
        small = [thumbnail(f.grey) for f in found]
        # (n, 8, side * side): each picture's thumbnail in its eight flips and quarter turns, itself first
        self._turned = np.stack([np.stack([t.ravel() for t in quarter_turns(one)]) for one in small])

    def verify_all(self, pairs: Sequence[tuple[int, int]]) -> list[Verdict]:
        """`verify` for many pairs at once, on all cores."""
        from threadpoolctl import threadpool_limits

        # the products are small: threads within one would wait for each other more than they compute
        with threadpool_limits(1, "blas"), ThreadPoolExecutor(cores()) as pool:
            return list(pool.map(lambda pair: self.verify(*pair), pairs))

    def verify(self, i: int, j: int) -> Verdict:
        """How well picture i lies on picture j: by local features, else by whole pictures."""
        by_points = self._by_points(i, j)
        if by_points.same_photo:
            return by_points
        whole = self._by_whole(i, j)
        return whole if whole.same_photo else by_points

    def _by_points(self, i: int, j: int) -> Verdict:
        found = lay_on(self._found[i], self._found[j])
        return NOTHING if found is None else _judge(self._found[i], self._found[j], found)

    def _by_whole(self, i: int, j: int) -> Verdict:
        """Compare whole pictures in the best of the eight flips and quarter turns: some have too little texture."""
        import cv2

        a, b = self._found[i], self._found[j]
        alike = self._turned[i] @ self._turned[j, 0]
        which = int(alike.argmax())
        if alike[which] < _HOPELESS:
            return NOTHING
        side = np.ascontiguousarray(quarter_turns(a.grey)[which])
        scale = b.height / side.shape[0], b.width / side.shape[1]
        if not 0.9 < scale[0] / scale[1] < 1.1:
            return NOTHING
        laid = np.asarray(cv2.resize(side, (b.width, b.height), interpolation=cv2.INTER_AREA), np.uint8)
        agreement, likeness = _likeness(laid, b.grey, np.ones(b.grey.shape, dtype=np.bool_))
        return Verdict(0, agreement, likeness, 1.0, scale[0], which >= 4)


def _matches(a: FloatArray, b: FloatArray) -> tuple[IntArray, IntArray]:
    """Indices of features that are each other's nearest, and clearly nearer than the second nearest."""
    if len(a) < 2 or len(b) < 2:
        empty = np.zeros(0, dtype=np.int64)
        return empty, empty
    alike = a @ b.T
    rows = np.arange(len(a))
    nearest = alike.argmax(axis=1)
    best = alike[rows, nearest].copy()
    mutual = alike.argmax(axis=0)[nearest] == rows
    alike[rows, nearest] = -1.0
    clear = 2 - 2 * best < _RATIO**2 * (2 - 2 * alike.max(axis=1))
    chosen = np.flatnonzero(mutual & clear)
    return chosen, nearest[chosen]


@dataclass(frozen=True, slots=True)
class Laid:
    """How one picture lies on another by their local features: (2, 3) `transform` takes its pixels to the other's."""

    inliers: int
    transform: Transform
    mirrored: bool

    @property
    def scale(self) -> float:
        """Pixels of the second picture for one of the first."""
        return float(np.sqrt(np.linalg.svd(self.transform[:, :2], compute_uv=False).prod()))


def lay_on(a: LocalFeatures, b: LocalFeatures) -> Laid | None:
    """Find how a lies on b, as it is or mirrored; None where too few features agree or no photo would lie so."""
    import cv2

    best: Laid | None = None
    for mirrored in (False, True):
        left, right = _matches(a.unit(mirrored=mirrored), b.unit())
        if len(left) < MIN_INLIERS:
            continue
        flip = np.array([[-1.0, 0.0, a.width - 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]) if mirrored else np.eye(3)
        source = (a.points[left] @ flip[:2, :2].T + flip[:2, 2]).astype(np.float32)
        cv2.setRNGSeed(_SEED)
        transform, inside = cv2.estimateAffine2D(
            source,
            b.points[right],
            method=cv2.RANSAC,
            ransacReprojThreshold=_REPROJECTION,
            maxIters=_STEPS,
            confidence=0.999,
        )
        inliers = int(np.count_nonzero(inside))  # no transform has none inside
        if inliers >= MIN_INLIERS and (best is None or inliers > best.inliers):
            best = Laid(inliers, transform @ flip, mirrored)
    if best is None:
        return None
    stretch = np.linalg.svd(best.transform[:, :2], compute_uv=False)
    likely = _SCALES[0] < stretch[1] and stretch[0] < _SCALES[1] and stretch[0] < 2 * stretch[1]
    return best if likely else None


def _judge(a: LocalFeatures, b: LocalFeatures, laid: Laid) -> Verdict:
    """Compare the detail of a and b, a laid on b."""
    scale = laid.scale
    # at the lower resolution of the two, which is all that both can show
    found = _compare(a, b, laid.transform) if scale <= 1 else _compare(b, a, _inverse(laid.transform))
    agreement, likeness, overlap = found
    return Verdict(laid.inliers, agreement, likeness, overlap, scale, laid.mirrored)


def _inverse(transform: Transform) -> Transform:
    turned = np.linalg.inv(transform[:, :2])
    return np.column_stack([turned, -turned @ transform[:, 2]])


def _compare(a: LocalFeatures, b: LocalFeatures, transform: Transform) -> tuple[float, float, float]:
    """Agreement, likeness and overlap of two pictures, a laid on b."""
    laid, solid, overlap = warped(a, transform, b.width, b.height)
    return *_likeness(laid, b.grey, solid), overlap


def warped(a: LocalFeatures, transform: Transform, width: int, height: int) -> tuple[Grey, NDArray[np.bool_], float]:
    """Picture a laid on a frame, where it covers the frame, and the share of the smaller of both that is covered."""
    import cv2

    size = width, height
    laid = cv2.warpAffine(a.grey, transform, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    solid = cv2.warpAffine(np.full(a.grey.shape, 1, np.uint8), transform, size, flags=cv2.INTER_NEAREST) > 0
    smaller = min(a.grey.size * abs(float(np.linalg.det(transform[:, :2]))), float(width * height))
    return np.asarray(laid, dtype=np.uint8), solid, min(1.0, float(solid.sum()) / max(smaller, 1.0))


def _likeness(x: Grey, y: Grey, solid: NDArray[np.bool_]) -> tuple[float, float]:
    """Agreement and likeness of two pictures of one size where `solid`; 0 where there is too little detail to tell.

    What is compared is detail: what is left between a fine and a coarse blur, no noise and no lighting. Clipped and
    uncovered pixels do not shine into it, so that neither flash nor frame matters.
    """
    import cv2

    clipped = (np.minimum(x, y) <= _BLACK) | (np.maximum(x, y) >= _WHITE)
    usable = (solid & ~clipped).astype(np.uint8)
    usable = np.asarray(cv2.erode(usable, np.ones((5, 5), np.uint8), borderType=cv2.BORDER_REPLICATE), np.uint8)
    inside = usable > 0
    if inside.sum() < _MIN_PIXELS:
        return 0.0, 0.0
    weight = usable.astype(np.float32)
    a, b = detail(x, weight), detail(y, weight)
    size = (_WINDOW, _WINDOW)
    around = np.maximum(cv2.blur(weight, size), _TINY)
    aa, bb, ab = (cv2.blur(product, size) / around for product in (a * a, b * b, a * b))
    telling = inside & (np.maximum(aa, bb) > _MIN_DETAIL**2)
    if telling.sum() < _MIN_PIXELS:
        return 0.0, 0.0
    locally = ab[telling] / np.sqrt(np.maximum(aa[telling] * bb[telling], _TINY))
    a, b = a[inside], b[inside]
    overall = float((a * b).sum() / np.sqrt(max(float((a * a).sum() * (b * b).sum()), _TINY)))
    return round(float(np.quantile(locally, _WORST)), 6), round(overall, 6)


def detail(grey: Grey, weight: FloatArray) -> FloatArray:
    """What is left of a picture between a fine and a coarse blur, where its weight is not 0."""
    import cv2

    values = grey * weight
    coarse = (_COARSE, _COARSE)
    fine_of, coarse_of = cv2.GaussianBlur(weight, (0, 0), _FINE), cv2.blur(weight, coarse)
    fine = cv2.GaussianBlur(values, (0, 0), _FINE) / np.maximum(fine_of, _TINY)
    return np.asarray((fine - cv2.blur(values, coarse) / np.maximum(coarse_of, _TINY)) * weight, dtype=np.float32)
