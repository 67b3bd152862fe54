"""Local features of two pictures -> whether one is the other turned, cropped, mirrored or relit, and how surely."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from petmood.audit.candidates import quarter_turns, thumbnail
from petmood.audit.local import LocalFeatures
from petmood.records import FloatArray, IntArray

MIN_INLIERS: Final = 8
"""Matched features that must agree on one similarity transform."""

MIN_AGREEMENT: Final = 0.85
"""Correlation that the two pictures must have where one lies on the other."""

MIN_OVERLAP: Final = 0.25
"""Share of the smaller picture that the other must cover: below it, they may share a logo, not a photo."""

_RATIO: Final = 0.8  # Lowe's: the best match must be nearer than this times the second best
_REPROJECTION: Final = 4.0  # pixels
_STEPS: Final = 1000
_SCALES: Final = (0.1, 10.0)
_FINE, _COARSE = 1.0, 8.0  # widths in pixels of the blurs between which detail is compared
_MIN_DETAIL: Final = 1.0  # grey levels of detail below which a picture is a blank wall that agrees with any other
_BORDER: Final = 3
_SEED: Final = 7

Transform = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How well one picture lies on another.

    Attributes:
        inliers: features that agree on the transform; 0 where it was found by whole pictures instead.
        agreement: correlation of their detail where they overlap, in [-1, 1].
        overlap: share of the smaller picture that is covered, in [0, 1].
        scale: pixels of the second picture for one of the first.
        mirrored: True if one is a mirror image of the other.
    """

    inliers: int
    agreement: float
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


NOTHING: Final = Verdict(1, 0.0, 0.0, 1.0, False)
"""No transform was found."""


class Verifier:
    """Compares pictures by their local features."""

    def __init__(self, found: list[LocalFeatures]) -> None:
        self._found = found

    def verify_all(self, pairs: Sequence[tuple[int, int]]) -> list[Verdict]:
        """`verify` for many pairs at once, on all cores."""
        from threadpoolctl import threadpool_limits

        # the products are small: threads within one would wait for each other more than they compute
        with threadpool_limits(1, "blas"), ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            return list(pool.map(lambda pair: self.verify(*pair), pairs))

    def verify(self, i: int, j: int) -> Verdict:
        """How well picture i lies on picture j: by local features, else by whole pictures."""
        by_points = self._by_points(i, j)
        if by_points.same_photo:
            return by_points
        whole = _by_whole(self._found[i], self._found[j])
        return whole if whole.same_photo else by_points

    def _by_points(self, i: int, j: int) -> Verdict:
        import cv2

        a, b = self._found[i], self._found[j]
        best: tuple[int, Transform, bool] | None = None
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
            if inliers >= MIN_INLIERS and (best is None or inliers > best[0]):
                best = inliers, transform @ flip, mirrored
        if best is None:
            return NOTHING
        inliers, transform, mirrored = best
        return _judge(a, b, transform, inliers, mirrored)


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


def _judge(a: LocalFeatures, b: LocalFeatures, transform: Transform, inliers: int, mirrored: bool) -> Verdict:
    """Lay a on b and compare their detail."""
    stretch = np.linalg.svd(transform[:, :2], compute_uv=False)
    if not (_SCALES[0] < stretch[1] and stretch[0] < _SCALES[1] and stretch[0] < 2 * stretch[1]):
        return NOTHING
    scale = float(np.sqrt(stretch.prod()))
    agreement, overlap = _agreement(a, b, transform) if scale <= 1 else _agreement(b, a, _inverse(transform))
    return Verdict(inliers, agreement, overlap, scale, mirrored)


def _inverse(transform: Transform) -> Transform:
    turned = np.linalg.inv(transform[:, :2])
    return np.column_stack([turned, -turned @ transform[:, 2]])


def _agreement(a: LocalFeatures, b: LocalFeatures, transform: Transform) -> tuple[float, float]:
    """Correlation of detail where a, laid on b, covers it, and the share of the smaller one that is covered."""
    import cv2

    rows, columns = b.grey.shape
    to_a, to_b = _to_working(a), _to_working(b)
    at = to_b @ np.vstack([transform, [0.0, 0.0, 1.0]]) @ np.linalg.inv(to_a)
    laid = cv2.warpAffine(a.grey, at[:2], (columns, rows), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    solid = cv2.warpAffine(np.full(a.grey.shape, 255, np.uint8), at[:2], (columns, rows), flags=cv2.INTER_NEAREST)
    kernel = np.ones((2 * _BORDER + 1,) * 2, np.uint8)
    covered = cv2.erode(solid, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=255) > 0
    smaller = min(float(a.grey.size * abs(np.linalg.det(at[:2, :2]))), float(b.grey.size))
    overlap = min(1.0, float((solid > 0).sum()) / max(smaller, 1.0))
    if covered.sum() < 64:
        return 0.0, overlap
    return _correlation(_detail(laid, covered), _detail(b.grey, covered)), overlap


def _to_working(found: LocalFeatures) -> Transform:
    """Pixels of the working size -> pixels of the grey picture."""
    rows, columns = found.grey.shape
    return np.diag([columns / found.width, rows / found.height, 1.0])


def _detail(grey: NDArray[np.generic], covered: NDArray[np.bool_]) -> FloatArray:
    """(n,) float32: what is left between a fine and a coarse blur, no noise and no lighting, in the n covered pixels.

    Pixels that are not covered do not shine in, so that a frame around a picture does not matter.
    """
    import cv2

    weight = covered.astype(np.float32)
    values = grey.astype(np.float32) * weight
    fine, coarse = (
        cv2.GaussianBlur(values, (0, 0), width)[covered] / cv2.GaussianBlur(weight, (0, 0), width)[covered]
        for width in (_FINE, _COARSE)
    )
    return np.asarray(fine - coarse, dtype=np.float32)


def _correlation(x: FloatArray, y: FloatArray) -> float:
    x, y = x - x.mean(), y - y.mean()
    if min(float(x.std()), float(y.std())) < _MIN_DETAIL:
        return 0.0
    return float((x * y).sum() / np.sqrt((x * x).sum() * (y * y).sum()))


def _by_whole(a: LocalFeatures, b: LocalFeatures) -> Verdict:
    """Compare whole pictures in the best of the eight flips and quarter turns: for pictures with too little texture."""
    import cv2

    turned = [np.asarray(side, np.float32) for side in quarter_turns(thumbnail(a.grey))]
    reference = thumbnail(b.grey).ravel()
    which = int(np.argmax([float(side.ravel() @ reference) for side in turned]))
    side = np.ascontiguousarray(quarter_turns(a.grey)[which])
    scale = b.grey.shape[0] / side.shape[0], b.grey.shape[1] / side.shape[1]
    if not 0.9 < scale[0] / scale[1] < 1.1:
        return NOTHING
    laid = cv2.resize(side, b.grey.shape[::-1], interpolation=cv2.INTER_AREA)
    whole = np.ones(b.grey.shape, dtype=np.bool_)
    agreement = _correlation(_detail(laid, whole), _detail(b.grey, whole))
    return Verdict(0, agreement, 1.0, scale[0], which >= 4)
