"""Outcomes by photo, or by file with its family -> their mean with an interval made by resampling whole families."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from petmood.evaluate.metrics import CONFIDENCE, wilson_interval
from petmood.records import IntArray
from petmood.results import Interval

RESAMPLES: Final = 1999
BOOTSTRAP: Final = "bootstrap over families, 95 %"
WILSON: Final = "Wilson 95 %"

Values = NDArray[np.float64]


def family_totals(values: Values, families: IntArray) -> tuple[Values, Values]:
    """(n_families,) sums of the values of each family, and (n_families,) numbers of them."""
    _, where = np.unique(families, return_inverse=True)
    return np.bincount(where, weights=values).astype(np.float64), np.bincount(where).astype(np.float64)


@lru_cache(maxsize=8)
def resample_counts(n: int, resamples: int, seed: int) -> Values:
    """(resamples, n): how often each of n families is drawn; shared, since comparisons resample the same families."""
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=resamples).astype(np.float64)
    counts.setflags(write=False)
    return counts


def resampled_means(
    values: Values, families: IntArray | None = None, *, resamples: int = RESAMPLES, seed: int = 0
) -> Values:
    """(resamples,) means of the values over families drawn with replacement, each with all that it holds."""
    sums, counts = family_totals(values, np.arange(len(values)) if families is None else families)
    drawn = resample_counts(len(sums), resamples, seed)
    means: Values = (drawn @ sums) / (drawn @ counts)
    return means


def bootstrap_interval(
    values: Values,
    families: IntArray | None = None,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Bootstrap of a mean that resamples families with all they hold (Field and Welsh 2007).

    What is predicted of one photo under several repeats, or of several files of one photo, is averaged or stays
    together; only families are independent. Bounds are expanded percentiles (Hesterberg 2015), which make up for the
    narrowness of plain ones on few families. Where all values are equal, resampling cannot see any spread; for all
    right or all wrong the interval is then Wilson's.

    Args:
        values: (n,) float: hits (0 or 1), hit rates in [0, 1] or differences of them.
        families: (n,) the family of each value; each its own if None.
        confidence: nominal coverage.
        resamples: draws.
        seed: of the draws.
    """
    n = len(values) if families is None else len(np.unique(families))
    value = float(values.mean())
    if np.ptp(values) == 0:
        return wilson_interval(round(value * n), n, confidence) if value in (0.0, 1.0) else (value, value)
    if n < 2:
        return min(0.0, value), max(1.0, value)
    low, high = np.quantile(
        resampled_means(values, families, resamples=resamples, seed=seed), expanded_percentiles(n, confidence)
    )
    return float(low), float(high)


def expanded_percentiles(n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Lower and upper quantile that give a bootstrap of n families the width of a t interval (Hesterberg 2015)."""
    from scipy.stats import norm, t

    tail = float(norm.cdf(math.sqrt(n / (n - 1)) * t.ppf((1 - confidence) / 2, n - 1)))
    return tail, 1 - tail
