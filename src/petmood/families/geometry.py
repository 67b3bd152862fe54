"""Local features of two pictures -> how one lies on the other, and one laid on the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from petmood.families.local import LocalFeatures, mirrored
from petmood.records import FloatArray, IntArray

RATIO: Final = 0.85
"""Lowe's: the best match must be nearer than this times the second best."""

MIN_INLIERS: Final = 6
"""Matched features that must agree on one transform. That is a start: pixels decide."""

_HYPOTHESES: Final = 48  # best matches that each propose a transform
_LOOSE: Final = 6.0  # pixels by which a feature may miss where one other match alone would send it
_TOLERANCES: Final = (5.0, 4.0, 3.0, 3.0)  # pixels, as the transform is refined
_ALIKE: Final = 0.6  # logarithm of scales, and radians, by which matches of one transform may differ
_SCALES: Final = (0.1, 10.0)
_STRETCH: Final = 2.5  # of one direction against the other
_SHRINK: Final = 0.7  # scale below which pixels are averaged before they are laid on another picture

Transform = NDArray[np.float64]
Grey = NDArray[np.uint8]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Placement:
    """How one picture lies on another.

    Attributes:
        transform: (2, 3) float64 affine map from the first picture's pixels to the second's.
        inliers: features that agree on it.
        mirrored: True if one is a mirror image of the other.
    """

    transform: Transform
    inliers: int
    mirrored: bool

    @property
    def scale(self) -> float:
        """Pixels of the second picture for one of the first."""
        return float(np.sqrt(abs(np.linalg.det(self.transform[:, :2]))))


def place(a: LocalFeatures, b: LocalFeatures) -> Placement | None:
    """Find how picture a lies on picture b, plain or mirrored; None if their features do not agree on any way."""
    best: Placement | None = None
    for mirror in (False, True):
        left, right = _matches(mirrored(a.vectors) if mirror else a.vectors, b.vectors)
        if len(left) < MIN_INLIERS or (best is not None and len(left) <= best.inliers):
            continue
        points = a.points[left].astype(np.float64)
        if mirror:
            points[:, 0] = a.width - 1 - points[:, 0]
            points[:, 3] = np.pi - points[:, 3]
        found = _fit(points, b.points[right].astype(np.float64))
        if found is None or (best is not None and found[1] <= best.inliers):
            continue
        transform = found[0]
        if mirror:
            transform = transform @ np.array([[-1.0, 0.0, a.width - 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
        best = Placement(transform, found[1], mirror)
    return best


def _matches(a: FloatArray, b: FloatArray) -> tuple[IntArray, IntArray]:
    """Indices of features that are each other's nearest, and clearly nearer than the second nearest; best first.

    Fewer than `MIN_INLIERS`, which place nothing, are in no order, and need not be each other's nearest.
    """
    if len(a) < 2 or len(b) < 2:
        empty = np.zeros(0, dtype=np.int64)
        return empty, empty
    alike = a @ b.T
    rows = np.arange(len(a))
    nearest = alike.argmax(axis=1)
    best = alike[rows, nearest]
    alike[rows, nearest] = -1.0
    ratio = (2 - 2 * best) / np.maximum(2 - 2 * alike.max(axis=1), 1e-6)
    chosen = np.flatnonzero(ratio < RATIO**2)
    if len(chosen) < MIN_INLIERS:  # as of most pairs: too few, whichever of them are each other's nearest
        return chosen, nearest[chosen]
    chosen = chosen[np.argsort(ratio[chosen], kind="stable")]
    # few pass the ratio, so that only their columns are searched for the way back
    of_column = np.full(len(b), -1.0, dtype=np.float32)
    np.maximum.at(of_column, nearest, best)
    taken = nearest[chosen]
    chosen = chosen[best[chosen] >= np.maximum(of_column[taken], alike[:, taken].max(axis=0, initial=-1.0))]
    return chosen, nearest[chosen]


def _fit(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[Transform, int] | None:
    """The affine map that most matches agree on, and how many. Each match alone proposes one: no drawing of lots.

    Args:
        a: (n, 4) x, y, scale and direction of features, the surest match first.
        b: (n, 4) theirs in the other picture.
    """
    growth, turn = np.log(b[:, 2] / a[:, 2]), b[:, 3] - a[:, 3]
    first = slice(0, _HYPOTHESES)
    other = np.abs((turn[None] - turn[first, None] + np.pi) % (2 * np.pi) - np.pi)
    agree = (np.abs(growth[None] - growth[first, None]) < _ALIKE) & (other < _ALIKE)
    if agree.sum(axis=1).max() < MIN_INLIERS:
        return None
    cos, sin = np.exp(growth[first]) * np.cos(turn[first]), np.exp(growth[first]) * np.sin(turn[first])
    dx, dy = a[None, :, 0] - a[first, None, 0], a[None, :, 1] - a[first, None, 1]
    missed = np.hypot(
        b[first, None, 0] + cos[:, None] * dx - sin[:, None] * dy - b[None, :, 0],
        b[first, None, 1] + sin[:, None] * dx + cos[:, None] * dy - b[None, :, 1],
    )
    reach = _LOOSE * np.maximum(1.0, np.exp(growth[first]))[:, None]
    agree &= missed < reach
    votes = agree.sum(axis=1)
    inside = agree[int(votes.argmax())]
    if inside.sum() < MIN_INLIERS:
        return None
    places = np.column_stack([a[:, :2], np.ones(len(a))])
    transform = np.eye(2, 3)
    for tolerance in _TOLERANCES:
        if inside.sum() < MIN_INLIERS:
            return None
        known, wanted = places[inside], b[inside, :2]
        transform = np.linalg.solve(known.T @ known + 1e-6 * np.eye(3), known.T @ wanted).T
        inside = np.hypot(*(places @ transform.T - b[:, :2]).T) < tolerance
    stretch = np.linalg.svd(transform[:, :2], compute_uv=False)
    plausible = _SCALES[0] < stretch[1] and stretch[0] < _SCALES[1] and stretch[0] < _STRETCH * stretch[1]
    count = int(inside.sum())
    return (transform, count) if plausible and count >= MIN_INLIERS else None


def inverse(transform: Transform) -> Transform:
    """The affine map back."""
    turned = np.linalg.inv(transform[:, :2])
    return np.column_stack([turned, -turned @ transform[:, 2]])


def lay(a: Grey, size: tuple[int, int], transform: Transform) -> tuple[Grey, Mask, float]:
    """Lay a picture on a frame.

    Args:
        a: the picture.
        size: width and height of the frame.
        transform: (2, 3) from the picture's pixels to the frame's.

    Returns:
        (height, width) the picture as it lies there; where it does; and the share of the smaller of both that is
        covered, in [0, 1].
    """
    import cv2

    area = a.size * abs(float(np.linalg.det(transform[:, :2])))
    scale = (area / a.size) ** 0.5
    if scale < _SHRINK:
        height, width = (max(1, round(side * scale)) for side in a.shape)
        stretch = a.shape[1] / width, a.shape[0] / height
        a = np.asarray(cv2.resize(a, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        grown = np.diag([*stretch, 1.0])
        grown[:2, 2] = (stretch[0] - 1) / 2, (stretch[1] - 1) / 2
        transform = transform @ grown
    laid = cv2.warpAffine(a, transform, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    solid = cv2.warpAffine(np.full(a.shape, 1, np.uint8), transform, size, flags=cv2.INTER_NEAREST) > 0
    smaller = max(min(area, float(size[0] * size[1])), 1.0)
    return np.asarray(laid, np.uint8), solid, min(1.0, float(solid.sum()) / smaller)
