"""Two pictures that lie on each other nearly -> what has moved between them.

A covered copy agrees with its photo to the pixel except in places, and what is under the cover can be found nowhere
near. In the next frame of one scene, what disagrees can be found: a little further on, as one piece. A deformed copy
has moved too, but everywhere a little, without an edge, and then agrees everywhere. Two pieces move as two planes do,
with an edge between; a deformation needs more planes, or has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from petmood.families.agreement import APART, CLOSE, FOUND, MIN_PIXELS, TINY, WINDOW, WORST, Comparison, compare
from petmood.families.geometry import Grey, Mask
from petmood.records import FloatArray

_MOVED: Final = 0.5  # pixels
_STEP: Final = 4  # windows overlap: every fourth pixel of each direction is enough
_SPARSE: Final = 2 * _STEP  # and for a motion of the whole every eighth
_SHIFT: Final = 0.4  # pixels that a window must have shifted to have moved, where
_BY_SHIFT: Final = 0.35  # its shift explains such a share of what differs in it
_SETTLED, _LITTLE = 2, 0.03  # times that the plane is fitted again while more than such a share has shifted
_SMOOTH: Final = 4.0  # pixels: standard deviation of the blur of a flow
_ROUNDS: Final = 6
_KNOWN: Final = 0.8  # correlation from which a window is known to have moved as the flow says
_MUCH_LESS: Final = 0.3  # of the typical motion
_LAYERS: Final = 12  # most times that pixels choose anew which of two planes they move with
_FEW: Final = 60  # places that must be known for that
_EDGE: Final = 0.98  # quantile that stands for the steepest motion
_HALVED: Final = 1  # times that pictures are halved for the flow that a plane is fitted to

Plane = NDArray[np.float64]
"""Eight parameters of a plane's flow, in pixels at the edge of a picture."""


@dataclass(frozen=True, slots=True)
class Motion:
    """How far what disagrees has moved, after the motion of a plane is taken out.

    Attributes:
        exact: share of windows that agree to the pixel.
        between: share of windows that neither agree to the pixel nor differ: many where two pictures are much alike,
            few where one is covered.
        moved: share of windows that do not agree where they are, but do a little further on.
        bent: correlation that nine tenths of the windows reach after each has moved.
        still: share of windows that moved much less than the others: high where one piece moved before another, low
            where a picture was deformed.
        flow: (rows, columns, 2) float32 pixels by which every fourth pixel has moved.
        known: (rows, columns) where that is sure.
    """

    exact: float
    between: float
    moved: float
    bent: float
    still: float
    flow: FloatArray
    known: Mask

    def edge(self) -> float:
        """How much the motion changes within four pixels where it does most, against its own spread: 0 if unknown.

        About 0.4 where a picture was swirled or pinched, 0.8 at the edge of a piece that moved before another.
        """
        moved, known = self.flow.astype(np.float64), self.known
        if known.sum() < _FEW:
            return 0.0
        steps = []
        for flow, sure in ((moved, known), (moved.transpose(1, 0, 2), known.T)):
            step = flow[1:] - flow[:-1]
            steps.append(np.hypot(step[..., 0], step[..., 1])[sure[1:] & sure[:-1]])
        spread = np.sqrt(moved[known].var(axis=0).sum())
        found = np.concatenate(steps)
        return float(np.quantile(found, _EDGE) / max(float(spread), TINY)) if found.size else 0.0

    def beside_layers(self) -> float:
        """Share of the motion's power that two planes leave, in [0, 1]: little where one piece moved before another.

        That is beside what one plane explains; 0 if too little is known.
        """
        wanted = self.flow[self.known].astype(np.float64)
        if len(wanted) < _FEW:
            return 0.0
        y, x = np.nonzero(self.known)
        places = np.column_stack([np.ones(len(x)), x / self.known.shape[1], y / self.known.shape[0]])

        def missed(rows: Mask) -> NDArray[np.float64]:
            """Of every place, if it moved with the plane of some."""
            chosen = places[rows]
            plane = np.linalg.solve(chosen.T @ chosen + 1e-6 * np.eye(3), chosen.T @ wanted[rows])
            return np.asarray(wanted - places @ plane, np.float64)

        beside = missed(np.ones(len(wanted), dtype=np.bool_))
        power = (beside**2).sum(axis=1)
        main = beside @ np.linalg.svd(beside - beside.mean(axis=0), full_matrices=False)[2][0]
        left = [1.0]
        for start in (main > np.median(main), power > np.median(power), power > np.quantile(power, 0.75)):
            first, least = start, power
            for _ in range(_LAYERS):
                if min(first.sum(), (~first).sum()) < _FEW / 5:
                    break
                a, b = ((missed(rows) ** 2).sum(axis=1) for rows in (first, ~first))
                before, first, least = first, a < b, np.minimum(a, b)
                if np.array_equal(before, first):
                    break
            left.append(float(least.sum() / max(power.sum(), TINY)))
        return min(left)


@dataclass(frozen=True, slots=True)
class Settled:
    """Two pictures after the best motion of a plane is taken out.

    Attributes:
        laid, solid: the first picture, and where it lies.
        now: how they agree there.
        shifted: see `shifted`.
    """

    laid: Grey
    solid: Mask
    now: Comparison
    shifted: float


def settle(laid: Grey, under: Grey, solid: Mask, before: Comparison) -> Settled | None:
    """Take out the motion of a plane, which is perspective; None if there is too little to tell.

    Args:
        laid: one picture, as it lies on the other.
        under: the other.
        solid: where it lies.
        before: `compare` of the three.
    """
    flow = _flow(before, refined=0, finest=_HALVED)  # a plane needs neither refinement nor the finest scale
    there = compare(_moved(laid, flow), under, _moved_mask(solid, flow))
    every = slice(None, None, _SPARSE)
    sure = np.clip(2 * np.abs(there.correlation[every, every]) - 1, 0.001, 1)
    plane = _plane(flow[every, every], before.telling[every, every], sure, under.shape)
    for left in range(_SETTLED, -1, -1):
        flow = np.asarray(_flow_of(plane, under.shape), np.float32)
        laid, solid = _moved(laid, flow), _moved_mask(solid, flow)
        now = compare(laid, under, solid)
        share, plane = _shift(now)
        if share <= _LITTLE or not left:
            break
    return Settled(laid, solid, now, share) if now.enough else None


def motion(settled: Settled, under: Grey) -> Motion | None:
    """Tell what has moved beside the plane; None if there is too little to tell.

    Args:
        settled: two pictures.
        under: the second of them.
    """
    laid, solid, now = settled.laid, settled.solid, settled.now
    flow = _smoothed(_flow(now), now)
    there = compare(_moved(laid, flow), under, _moved_mask(solid, flow))
    both = now.telling & there.telling
    if both.sum() < MIN_PIXELS:
        return None
    close = compare(laid, under, solid, CLOSE)
    moved = (np.abs(now.correlation) < APART) & (np.abs(there.correlation) > FOUND) & (_length(flow) > _MOVED)
    # a strong deformation is followed in two steps
    whole_flow = _after(_smoothed(_flow(there), there), flow)
    there = compare(_moved(laid, whole_flow), under, _moved_mask(solid, whole_flow))
    further, agreeing = np.abs(there.correlation), now.telling & there.telling
    sure = agreeing & (further > _KNOWN)
    known = _length(whole_flow)[sure]
    typical = float(np.sqrt((known**2).mean())) if known.size else 0.0
    return Motion(
        exact=close.exact,
        between=close.between,
        moved=float(moved[both].mean()),
        bent=float(np.quantile(further[agreeing], WORST)) if agreeing.sum() >= MIN_PIXELS else 0.0,
        still=float((known < _MUCH_LESS * typical).mean()) if known.size else 1.0,
        flow=whole_flow[::_STEP, ::_STEP],
        known=sure[::_STEP, ::_STEP],
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
        return np.asarray(cv2.blur(product, (WINDOW, WINDOW)), np.float32)

    a, b = np.asarray(pair.first * pair.gain, np.float32), pair.second
    both, less = 0.5 * (a + b), b - a
    dx, dy = (cv2.Sobel(both, cv2.CV_32F, *order, ksize=3, scale=1 / 8) for order in ((1, 0), (0, 1)))
    products = (dx * dx, dx * dy, dy * dy, dx * less, dy * less, less * less)
    xx, xy, yy, x, y, differing = (around(product)[::_STEP, ::_STEP] for product in products)
    noise = 0.02 * (xx + yy) + TINY
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
    explained = (flow[..., 0] * x + flow[..., 1] * y) / np.maximum(differing, TINY)
    moved = (np.hypot(flow[..., 0], flow[..., 1]) > _SHIFT) & (explained > _BY_SHIFT)
    return float(moved[telling].mean()) if telling.any() else 0.0, plane


def _flow(pair: Comparison, refined: int = 5, finest: int = 0) -> FloatArray:
    """(height, width, 2) float32: how many pixels to look further in the first picture for what the second shows."""
    import cv2

    search: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    search.setFinestScale(finest)
    search.setPatchSize(8)
    search.setPatchStride(4)
    search.setVariationalRefinementIterations(refined)
    sign = 1.0 if float((pair.first * pair.second).sum()) >= 0 else -1.0
    return np.asarray(search.calc(_as_bytes(pair.second), _as_bytes(sign * pair.first), None), dtype=np.float32)


def _as_bytes(detail: FloatArray) -> Grey:
    scaled = np.clip(128 + detail * (100 / (3 * float(detail.std()) + TINY)), 0, 255)
    return np.asarray(scaled, dtype=np.uint8)


def _after(second: FloatArray, first: FloatArray) -> FloatArray:
    """The flow that is a second one from where a first one leads."""
    import cv2

    x, y = _grid(first.shape)
    there = x + second[..., 0], y + second[..., 1]
    return np.asarray(second + cv2.remap(first, *there, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _length(flow: FloatArray) -> FloatArray:
    return np.asarray(np.hypot(flow[..., 0], flow[..., 1]), np.float32)


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
    rows = known.reshape(-1, 8)
    wanted = flow.reshape(-1, 2).astype(np.float64)
    pulls = (known * wanted[:, :, None]).sum(axis=1)
    sure_of = (sure * telling).ravel().astype(np.float64)
    weight, reach = sure_of, 4.0
    for _ in range(_ROUNDS):
        p = np.linalg.solve((weight @ products).reshape(8, 8) + 1e-6 * np.eye(8), weight @ pulls)
        reach = max(0.5, 0.6 * reach)
        missed = (wanted - (rows @ p).reshape(-1, 2)) / reach
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
    total = cv2.GaussianBlur(weight, (0, 0), _SMOOTH) + TINY
    parts = [cv2.GaussianBlur(weight * flow[..., k], (0, 0), _SMOOTH) / total for k in (0, 1)]
    return np.stack(parts, axis=-1).astype(np.float32)
