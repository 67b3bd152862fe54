"""Features of pictures and of training photos -> how unlike a picture is to anything that was learnt from.

Figures on sources left out say how well a model does on pictures as unlike its training photos as those were. Of a
picture that is more unlike than all of them, no figure says anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from petmood.errors import DataError
from petmood.records import IntArray

Level = Literal["like training", "like other sources", "unlike"]

LEVELS: Final[tuple[Level, ...]] = ("like training", "like other sources", "unlike")

NEAREST: Final = 5
"""Training photos that a distance is the mean over."""

SHARE: Final = 0.95
"""Share of photos that lie within a limit: of the training sources' own, and of each source left out."""

_ROWS: Final = 512


def distances(
    vectors: NDArray[np.floating],
    training: NDArray[np.floating],
    *,
    families: IntArray | None = None,
    training_families: IntArray | None = None,
    nearest: int = NEAREST,
    standardised: bool = True,
) -> NDArray[np.float64]:
    """(n,) mean cosine distances (0 to 2) to the nearest training photos.

    Args:
        vectors: (n, dim) features of the pictures.
        training: (m, dim) features of the training photos.
        families: (n,) a photo's own family is no neighbour of it; with `training_families`, or neither.
        training_families: (m,) where a family has several rows, each counts.
        nearest: how many neighbours.
        standardised: whether features are first made alike in mean and deviation by the training photos.

    Raises:
        DataError: shapes do not match, or a picture has no neighbour left.
    """
    if vectors.ndim != 2 or training.ndim != 2 or vectors.shape[1] != training.shape[1] or not len(training):
        raise DataError(f"features must be of one length, got shapes {vectors.shape} and {training.shape}.")
    if (families is None) != (training_families is None):
        raise DataError("give the families of both the pictures and the training photos, or of neither.")
    mean, deviation = training.mean(axis=0, dtype=np.float64), training.std(axis=0, dtype=np.float64)
    if not standardised:
        mean, deviation = np.zeros_like(mean), np.ones_like(deviation)
    deviation = np.where(deviation > 0, deviation, 1.0)
    known = _unit((training - mean) / deviation)
    found = np.empty(len(vectors))
    for start in range(0, len(vectors), _ROWS):
        part = slice(start, start + _ROWS)
        away = 1 - _unit((vectors[part] - mean) / deviation) @ known.T
        if families is not None and training_families is not None:
            away[families[part, np.newaxis] == training_families[np.newaxis]] = np.inf
        k = min(nearest, away.shape[1])
        closest = np.partition(away, k - 1, axis=1)[:, :k]
        there = np.isfinite(closest)
        if not there.any(axis=1).all():
            raise DataError("a picture has no training photo of another family to be compared with. Add photos.")
        found[part] = np.where(there, closest, 0).sum(axis=1) / there.sum(axis=1)
    return found


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(length > 0, length, 1.0))


@dataclass(frozen=True)
class Unlikeness:
    """Limits of distance, from photos of the training sources and of sources left out.

    Attributes:
        familiar: distance within which `SHARE` of the training sources' own photos lie.
        known: distance within which `SHARE` of the photos of every source left out lie; at least `familiar`. With one
            source it equals `familiar`: nothing is known beyond.
        share_left_out: for each source left out, the share of its photos beyond `familiar`.
    """

    familiar: float
    known: float
    share_left_out: tuple[float, ...]

    def level(self, distance: NDArray[np.float64]) -> list[Level]:
        """What each distance says: as near as training's own, as far as sources it was judged on, or beyond."""
        found = np.searchsorted([self.familiar, self.known], distance, side="left")
        return [LEVELS[int(i)] for i in found]


def fit_unlikeness(
    own: NDArray[np.float64], left_out: NDArray[np.float64] | None = None, source: IntArray | None = None
) -> Unlikeness:
    """Limits from distances.

    Args:
        own: (n,) distances of training photos to training photos of other families, all sources together.
        left_out: (m,) distances of photos to the photos of all sources but their own; None with one source.
        source: (m,) the source of each of those.

    Raises:
        DataError: no photos, or shapes that do not match.
    """
    if not len(own) or (left_out is None) != (source is None):
        raise DataError("unlikeness needs distances of training photos, and a source for each that was left out.")
    familiar = float(np.quantile(own, SHARE))
    if left_out is None or source is None:
        return Unlikeness(familiar, familiar, ())
    if len(left_out) != len(source) or not len(source):
        raise DataError(f"each distance needs a source, got {len(left_out)} and {len(source)}.")
    each = [left_out[source == s] for s in np.unique(source)]
    known = max(familiar, *(float(np.quantile(d, SHARE)) for d in each))
    return Unlikeness(familiar, known, tuple(float((d > familiar).mean()) for d in each))
