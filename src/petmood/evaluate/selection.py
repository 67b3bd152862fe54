"""Many models' hits on the same photos -> what the best of them is worth on photos that did not choose it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from petmood.results import Interval

RESAMPLES = 4000


@dataclass(frozen=True, slots=True)
class Selected:
    """What choosing the best of many models by this data is worth on photos that did not choose.

    Attributes:
        apparent: hit rate of the best model on the photos that chose it.
        corrected: mean hit rate, on photos left out of a resample, of the model that was best in the resample.
        interval: 95 % interval of `corrected`.
    """

    apparent: float
    corrected: float
    interval: Interval


def best_of_many(hits: NDArray[np.float64], *, seed: int = 0, resamples: int = RESAMPLES) -> Selected:
    """Correct the hit rate of the best model for having been chosen among many on the same photos.

    The choice is repeated on resamples of photos and the chosen model scored on the photos that were not drawn
    (bootstrap bias-corrected cross-validation; Tsamardinos, Greasidou, Borboudakis 2018). It costs no further training.

    Args:
        hits: (n_models, n_photos) out-of-sample hit rates in [0, 1].
        seed: of the resampling.
        resamples: number of resamples.
    """
    rng = np.random.default_rng(seed)
    n = hits.shape[1]
    found = []
    for _ in range(resamples):
        drawn = np.bincount(rng.integers(0, n, n), minlength=n)
        left = drawn == 0
        chosen = int((hits @ drawn).argmax())
        if left.any():
            found.append(hits[chosen, left].mean())
    low, high = np.quantile(found, (0.025, 0.975))
    return Selected(float(hits.mean(axis=1).max()), float(np.mean(found)), (float(low), float(high)))
