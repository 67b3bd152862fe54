"""Pairs of pictures -> a verdict on each: one photo, edited or covered, or two that are only much alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from petmood.cache import numbers_in
from petmood.families import agreement, geometry, motion, tones
from petmood.families.agreement import APART, Comparison, compare, printed
from petmood.families.geometry import Placement, inverse, lay, place
from petmood.families.local import LocalFeatures, quarter_turns
from petmood.threads import cores, one_opencv_thread, one_thread

MIN_AGREEMENT: Final = 0.7
"""Correlation of detail that nine tenths of the overlap must have where nothing is covered."""

MIN_OVERLAP: Final = 0.2
"""Share of the smaller picture that the other must cover: below it, they may share a logo, not a photo."""

MIN_EXACT, MIN_CLEAR = 0.35, 1.5
"""Share of the overlap that must agree to the pixel where the rest is covered, and how many times what is only alike:
drawings from one template are alike in many places where a cover leaves none."""

MAX_MOVED: Final = 0.05
"""Share that may be found a little further on: more, and the pictures are frames of one scene."""

MAX_SHIFTED, MAX_SHIFTED_COVERED, MAX_SHIFTED_SURE = 0.1, 0.05, 0.08
"""Share of windows that may differ by a small shift: of a whole copy, of a covered one, and of one that surely lies
as it should. Frames of one scene that moved by a pixel or two agree well enough to be taken for copies otherwise."""

MIN_BENT, MAX_STILL, MIN_CLEARLY_BENT, MAX_STILL_CLEARLY, MIN_BENT_UNSURE = 0.87, 0.25, 0.94, 0.35, 0.95
"""A deformed copy agrees everywhere once each place has moved, and no large part of it stayed, or a little larger one
where it agrees the more. It agrees more still where few features tell how it lies."""

MIN_BESIDE_LAYERS, MAX_EDGE, MAX_EDGE_BESIDE, MAX_STILL_EDGED = 0.34, 0.55, 0.7, 0.2
"""Its motion has no edge, as it has where one piece moved before another; or it is not that of two planes, and has not
much of an edge, or hardly any part that stayed."""

MANY_INLIERS, MIN_SURE_INLIERS, MIN_SURE_SHARE = 30, 20, 1 / 3
"""How two pictures lie is sure where so many features agree, or fewer that are such a share of the poorer picture's:
drawings from one template have up to 26 in common, a quarter of theirs."""

MIN_INLIERS, MIN_LIKENESS, MIN_COVERED_INLIERS = 10, 0.7, 18
"""Features that must agree, and correlation over the whole, where nine tenths of the windows agree less than
`_CERTAIN`; and features where a part is covered. Drawings from one template share some."""

MIN_FEW_INLIERS, MIN_EXACT_FEW, MIN_CLEAR_FEW, MAX_MOVED_FEW = 9, 0.5, 2.4, 0.02
MIN_EXACT_FEW_CLEARLY, MIN_CLEAR_FEW_CLEARLY, MAX_MOVED_FEW_CLEARLY = 0.62, 3.2, 0.03
"""A copy that was edited several times keeps fewer: then more of it must agree to the pixel, and less be only alike or
have moved; a little more may where it is clearer still."""

MIN_EXACT_WHOLE: Final = 0.4
"""Share that must agree to the pixel where no feature tells how two whole pictures lie."""

MIN_TONED, MIN_MUCH_TONED = 0.05, 0.2
"""Share of the variance of grey levels that a curve must explain beyond a straight line for tones to have changed, and
to have changed much: what agrees then after the curve only is a copy, though it agrees a little less."""

MIN_ONE_SIDED, MAX_PRINT = 0.9, 0.6
"""Print is lighter than the photo or darker, not both, and leaves enough of it, which then agrees to `_CERTAIN`."""

_CERTAIN: Final = 0.85  # agreement, and
_SURE_SHIFTED: Final = 0.05  # most that is shifted, that need no closer look at what has moved
_PROMISING, _PROMISING_EXACT = 0.65, 0.13  # that half must reach, and share that agrees, where features are few
_NEARLY_EXACT: Final = 0.15  # share that agrees once settled, below which a copy with few features would not be told
_HOPELESS: Final = 0.3  # correlation that half of the windows must reach to be worth that look
_TOGETHER: Final = 4  # pairs that one thread takes at once
_THUMBNAILS: Final = 0.8  # correlation of two thumbnails below which whole pictures are not compared


@dataclass(frozen=True, slots=True)
class Verdict:
    """How well one picture lies on another.

    Attributes:
        inliers: features that agree on the transform; 0 where it was found by whole pictures instead.
        agreement: correlation of their detail in a window, in [0, 1], which nine tenths of their overlap reach; of a
            deformed copy once each place has moved.
        exact: share of the overlap that agrees to the pixel, in [0, 1].
        moved: share of it that is found a little further on, in [0, 1].
        likeness: correlation of their detail over the whole overlap, in [-1, 1]; below 0 for a negative.
        overlap: share of the smaller picture that is covered, in [0, 1].
        scale: pixels of the second picture for one of the first.
        mirrored: True if one is a mirror image of the other.
        kind: "whole": nothing is covered; "covered": some of it is; "printed": all but print, as told by what is
            beside it; "toned": grey levels went through a curve; "bent": deformed; "other": not one photo.
    """

    inliers: int
    agreement: float
    exact: float
    moved: float
    likeness: float
    overlap: float
    scale: float
    mirrored: bool
    kind: str

    @property
    def same_photo(self) -> bool:
        """Whether this is evidence enough that both pictures show one photo."""
        return self.kind != "other"


NOTHING: Final = Verdict(1, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, False, "other")
"""No transform was found."""


def rules() -> list[Any]:
    """Every number that a verdict depends on beside the pictures: part of the cache key of what is made of verdicts."""
    others = [number for module in (geometry, agreement, motion, tones) for number in numbers_in(vars(module))]
    return [*numbers_in(globals()), *others]


def verify(a: LocalFeatures, b: LocalFeatures) -> Verdict:
    """How well picture a lies on picture b: by local features, else by whole pictures. A pure function of both."""
    placed = place(a, b)
    by_points = NOTHING if placed is None else _judge(a, b, placed)
    if by_points.same_photo:
        return by_points
    whole = _by_whole(a, b)
    if whole.same_photo or by_points.inliers < MIN_INLIERS:
        return whole if whole.same_photo else by_points
    # what matches the one way may be placed worse than what matches the other way
    turned = place(b, a)
    back = NOTHING if turned is None else _judge(b, a, turned)
    return replace(back, scale=round(1 / back.scale, 6)) if back.kind == "whole" else by_points


@contextmanager
def on_all_cores() -> Iterator[ThreadPoolExecutor]:
    """Threads for `verify_all`, a core each."""
    # the products are small: threads within one would wait for each other more than they compute
    with one_thread("blas"), one_opencv_thread(), ThreadPoolExecutor(cores()) as pool:
        yield pool


def verify_all(
    pool: ThreadPoolExecutor, pairs: Sequence[tuple[int, int]], features: Callable[[int], LocalFeatures]
) -> list[Verdict]:
    """`verify` for many pairs at once.

    Args:
        pool: see `on_all_cores`.
        pairs: numbers of pictures.
        features: gives the features of a picture by its number; called from several threads.
    """

    def some(start: int) -> list[Verdict]:
        return [verify(features(i), features(j)) for i, j in pairs[start : start + _TOGETHER]]

    return [verdict for made in pool.map(some, range(0, len(pairs), _TOGETHER)) for verdict in made]


def _judge(a: LocalFeatures, b: LocalFeatures, placed: Placement) -> Verdict:
    """Lay a on b and compare their detail, at the lower resolution of the two, which is all that both can show."""
    transform = placed.transform
    upper, under = a.grey, b.grey
    if placed.scale > 1:
        upper, under, transform = b.grey, a.grey, inverse(transform)
    laid, solid, overlap = lay(upper, (under.shape[1], under.shape[0]), transform)
    share = placed.inliers / min(len(a.points), len(b.points))
    sure = placed.inliers >= (MIN_SURE_INLIERS if share >= MIN_SURE_SHARE else MANY_INLIERS)
    found = _kind(laid, under, solid, placed.inliers, overlap, sure=sure)
    if not found.same_photo and placed.inliers >= MIN_INLIERS and overlap >= MIN_OVERLAP:
        found = _toned(laid, under, solid, found)
    return replace(found, overlap=round(overlap, 6), scale=round(placed.scale, 6), mirrored=placed.mirrored)


def _kind(
    laid: NDArray[np.uint8],
    under: NDArray[np.uint8],
    solid: NDArray[np.bool_],
    inliers: int,
    overlap: float,
    *,
    sure: bool,
) -> Verdict:
    """What sort of pair two pictures are, one laid on the other, and surely so or not."""
    pair = compare(laid, under, solid)

    def verdict(kind: str, agrees: float, exact: float, moved: float = 0.0) -> Verdict:
        agrees, exact, moved = round(agrees, 6), round(exact, 6), round(moved, 6)
        return Verdict(inliers, agrees, exact, moved, round(pair.likeness, 6), 1.0, 1.0, False, kind)

    untold = verdict("other", pair.agreement, pair.exact)
    if overlap < MIN_OVERLAP:
        return untold
    if pair.agreement >= _CERTAIN and motion.shifted(pair) <= _SURE_SHIFTED:
        return verdict("whole", pair.agreement, pair.exact)
    few = inliers < MIN_COVERED_INLIERS and abs(pair.likeness) < MIN_LIKENESS
    if few and inliers >= MIN_FEW_INLIERS:
        few = pair.exact < _PROMISING_EXACT or pair.reached(0.5) < _PROMISING
    if few or not pair.enough or pair.reached(0.5) < _HOPELESS:  # no kind below could be told
        return _printed(laid, under, solid, untold)
    settled = motion.settle(laid, under, solid, pair)
    if settled is None:
        return _printed(laid, under, solid, untold)
    agrees, now = max(settled.now.agreement, pair.agreement), settled.now
    alike = inliers >= MIN_INLIERS and abs(pair.likeness) >= MIN_LIKENESS
    still, whole = settled.shifted <= MAX_SHIFTED, now.agreement >= (MIN_AGREEMENT if alike else _CERTAIN)
    # what follows takes most of the time: no look where it could change nothing
    if not still and inliers < MIN_COVERED_INLIERS:
        return verdict("other", agrees, now.exact, settled.shifted)
    if still and whole and float((now.told < APART).mean()) <= MAX_MOVED:
        return verdict("whole", agrees, now.exact, settled.shifted)
    if inliers < MIN_COVERED_INLIERS and not whole and not sure and now.exact < _NEARLY_EXACT:
        return _printed(laid, under, solid, verdict("other", agrees, now.exact, settled.shifted))
    found = motion.motion(settled, under)
    if found is None:
        return _printed(laid, under, solid, untold)
    kind = "other"
    if found.moved <= MAX_MOVED and still:
        if whole:
            kind = "whole"
        elif _covered(found, settled.shifted, inliers, sure=sure):
            kind = "covered"
    elif inliers >= MIN_COVERED_INLIERS and _bent(found, sure=sure):
        kind, agrees = "bent", found.bent
    told = verdict(kind, agrees, found.exact, max(found.moved, settled.shifted))
    if told.same_photo or told.moved > MAX_SHIFTED:
        return told
    return _printed(laid, under, solid, told)


def _covered(found: motion.Motion, shifted: float, inliers: int, *, sure: bool) -> bool:
    """Whether what disagrees is a cover."""
    if inliers >= MIN_COVERED_INLIERS and found.exact >= max(MIN_EXACT, MIN_CLEAR * found.between):
        return shifted <= (MAX_SHIFTED_SURE if sure else MAX_SHIFTED_COVERED)
    clearly = found.exact >= max(MIN_EXACT_FEW_CLEARLY, MIN_CLEAR_FEW_CLEARLY * found.between)
    return (
        inliers >= MIN_FEW_INLIERS
        and found.exact >= max(MIN_EXACT_FEW, MIN_CLEAR_FEW * found.between)
        and max(found.moved, shifted) <= (MAX_MOVED_FEW_CLEARLY if clearly else MAX_MOVED_FEW)
    )


def _bent(found: motion.Motion, *, sure: bool) -> bool:
    """Whether all agrees once each place has moved as in a deformation, and not one piece before another."""
    if found.bent < (MIN_BENT if sure else MIN_BENT_UNSURE):
        return False
    if found.still > (MAX_STILL_CLEARLY if found.bent >= MIN_CLEARLY_BENT else MAX_STILL):
        return False
    edge = found.edge()
    if edge <= MAX_EDGE:
        return True
    return (edge <= MAX_EDGE_BESIDE or found.still <= MAX_STILL_EDGED) and found.beside_layers() >= MIN_BESIDE_LAYERS


def _toned(laid: NDArray[np.uint8], under: NDArray[np.uint8], solid: NDArray[np.bool_], otherwise: Verdict) -> Verdict:
    """The verdict that the one is the other through a curve of grey levels, or another."""
    found = tones.retoned(laid, under, solid)
    if found is None or found.explained < MIN_TONED:
        return otherwise
    pair = compare(found.laid, found.under, solid)
    much = found.explained >= MIN_MUCH_TONED
    if pair.likeness < _CERTAIN or pair.agreement < (MIN_AGREEMENT if much else _CERTAIN):
        return otherwise
    if motion.shifted(pair) > (MAX_SHIFTED if much else _SURE_SHIFTED):
        return otherwise
    return _as(otherwise, "toned", pair)


def _printed(
    laid: NDArray[np.uint8], under: NDArray[np.uint8], solid: NDArray[np.bool_], otherwise: Verdict
) -> Verdict:
    """The verdict that all but print agrees, or another."""
    found = printed(laid, under, solid)
    # nothing is compared where what differs is no print
    if found.one_sided < MIN_ONE_SIDED or found.share > MAX_PRINT or found.rest.agreement < _CERTAIN:
        return otherwise
    return _as(otherwise, "printed", found.rest)


def _as(verdict: Verdict, kind: str, pair: Comparison) -> Verdict:
    """A verdict of another kind, with the figures of another comparison."""
    figures = {name: round(getattr(pair, name), 6) for name in ("agreement", "exact", "likeness")}
    return replace(verdict, kind=kind, **figures)


def _by_whole(a: LocalFeatures, b: LocalFeatures) -> Verdict:
    """Compare whole pictures in the best of the eight flips and quarter turns.

    Some have too little texture to be laid on each other by it, and print all over others takes all of their features.
    """
    import cv2

    turned = np.abs(a.turned @ b.turned[0])
    which = int(turned.argmax())
    if turned[which] < _THUMBNAILS:
        return NOTHING
    side = np.ascontiguousarray(quarter_turns(a.grey)[which])
    scale = b.height / side.shape[0], b.width / side.shape[1]
    if not 0.9 < scale[0] / scale[1] < 1.1:
        return NOTHING
    laid = np.asarray(cv2.resize(side, (b.width, b.height), interpolation=cv2.INTER_AREA), np.uint8)
    solid = np.ones(b.grey.shape, dtype=np.bool_)
    pair = compare(laid, b.grey, solid)
    moved = motion.shifted(pair) if pair.agreement >= _HOPELESS else 0.0
    agrees = pair.agreement >= MIN_AGREEMENT and pair.exact >= MIN_EXACT_WHOLE
    kind = "whole" if agrees and moved <= MAX_SHIFTED else "other"
    numbers = [round(value, 6) for value in (pair.agreement, pair.exact, moved, pair.likeness, scale[0])]
    found = Verdict(0, numbers[0], numbers[1], numbers[2], numbers[3], 1.0, numbers[4], which >= 4, kind)
    if found.same_photo or moved > MAX_SHIFTED:
        return found
    return _printed(laid, b.grey, solid, found)
