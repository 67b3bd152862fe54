"""Tables of counts by photo -> how strongly two attributes go together: Cramer's V and NMI, with intervals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from petmood.records import IntArray

CONFIDENCE: Final = 0.95
RESAMPLES: Final = 2000
CI_METHOD: Final = "bootstrap over photos (a family is one), shifted by its own bias, 95 %"

Counts = NDArray[np.floating[Any]]
Statistic = Callable[[Counts], NDArray[np.float64]]


def cross_table(a: IntArray, b: IntArray, n_a: int, n_b: int) -> NDArray[np.float64]:
    """(n_a, n_b) float64 counts of photos by the values of two attributes."""
    table = np.zeros((n_a, n_b))
    np.add.at(table, (a, b), 1)
    return table


def cramers_v(tables: Counts) -> NDArray[np.float64]:
    """Bias-corrected Cramer's V (Bergsma 2013) in [0, 1]: 0 for independence, 1 where one attribute gives the other.

    Args:
        tables: (..., rows, columns) counts; rows and columns without counts are left out of the count of either.
    """
    n = tables.sum(axis=(-2, -1))
    row, column = tables.sum(axis=-1, keepdims=True), tables.sum(axis=-2, keepdims=True)
    expected = row * column / n[..., None, None]
    cells = np.divide((tables - expected) ** 2, expected, out=np.zeros_like(expected), where=expected > 0)
    chi2 = cells.sum(axis=(-2, -1))
    r, c = (row > 0).sum(axis=(-2, -1)), (column > 0).sum(axis=(-2, -1))
    phi2 = np.maximum(0.0, chi2 / n - (r - 1) * (c - 1) / (n - 1))
    least = np.minimum(r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)) - 1
    squared = np.divide(phi2, least, out=np.zeros_like(phi2), where=least > 0).clip(0, 1)
    return np.asarray(np.sqrt(squared), dtype=np.float64)


def nmi(tables: Counts) -> NDArray[np.float64]:
    """Normalised mutual information in [0, 1], by the arithmetic mean of both entropies; 0 where both are constant.

    Args:
        tables: (..., rows, columns) counts.
    """
    p = tables / tables.sum(axis=(-2, -1), keepdims=True)
    row, column, joint = _entropy(p.sum(axis=-1)), _entropy(p.sum(axis=-2)), _entropy(p.reshape(*p.shape[:-2], -1))
    mean = (row + column) / 2
    shared = np.maximum(0.0, row + column - joint)
    return np.divide(shared, mean, out=np.zeros_like(shared), where=mean > 1e-12).clip(0, 1)


def cohen_kappa(tables: Counts) -> NDArray[np.float64]:
    """Cohen's kappa (1960) in [-1, 1]: agreement of two readers beyond chance; 0 where one class holds everything.

    Args:
        tables: (..., k, k) counts of photos by the class that each reader gave.
    """
    p = tables / tables.sum(axis=(-2, -1), keepdims=True)
    agreed = np.trace(p, axis1=-2, axis2=-1)
    chance = (p.sum(axis=-1) * p.sum(axis=-2)).sum(axis=-1)
    found = np.divide(agreed - chance, 1 - chance, out=np.zeros_like(agreed), where=chance < 1 - 1e-12)
    return np.asarray(found, dtype=np.float64)


def _entropy(p: NDArray[np.float64]) -> NDArray[np.float64]:
    logs = np.log(p, out=np.zeros_like(p), where=p > 0)
    return np.asarray(-(p * logs).sum(axis=-1), dtype=np.float64)


def mean_nmi(
    assigned: IntArray, other: IntArray, k: int, n_values: int, counts: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """NMI of an attribute with each of several clusterings of the same photos, averaged over the clusterings.

    Args:
        assigned: (repeats, n) clusters, 0 to k - 1.
        other: (n,) values, 0 to n_values - 1.
        k: clusters.
        n_values: values.
        counts: (draws, n) how often each photo is drawn; each once if None, as a single draw.

    Returns:
        (draws,) float64.
    """
    drawn = np.ones((1, len(other))) if counts is None else counts
    found = []
    for clusters in assigned:
        cells = np.zeros((len(other), k * n_values))
        cells[np.arange(len(other)), clusters * n_values + other] = 1
        found.append(nmi((drawn @ cells).reshape(-1, k, n_values)))
    return np.asarray(np.mean(found, axis=0), dtype=np.float64)


def bootstrap_counts(n: int, *, resamples: int = RESAMPLES // 4, seed: int = 0) -> NDArray[np.float64]:
    """(resamples, n) float64: how often each photo is drawn in each resampling of n photos."""
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=resamples).astype(np.float64)


def shifted_interval(
    values: NDArray[np.float64], estimate: float, *, low: float = 0.0, high: float = 1.0
) -> tuple[float, float]:
    """Percentile interval of bootstrap draws, shifted so that their mean is the estimate; within [low, high]."""
    tail = (1 - CONFIDENCE) / 2
    lower, upper = np.quantile(values - (values.mean() - estimate), [tail, 1 - tail]).clip(low, high)
    return float(lower), float(upper)


def table_interval(
    table: Counts,
    statistic: Statistic,
    *,
    low: float = 0.0,
    high: float = 1.0,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float]:
    """Interval of a statistic of a table of counts, by resampling its photos.

    The statistic depends on counts alone, so resampling photos is drawing tables from a multinomial. Mutual information
    grows with every resampling of a small sample; the draws are therefore shifted back by their mean excess.

    Args:
        table: counts of photos, of any shape that `statistic` takes after a leading axis of draws.
        statistic: (draws, *table.shape) -> (draws,).
        low: least value of the statistic.
        high: greatest value of the statistic.
        resamples: draws.
        seed: of the draws.
    """
    counts = np.asarray(table, dtype=np.float64)
    n = int(counts.sum())
    drawn = np.random.default_rng(seed).multinomial(n, (counts / n).ravel(), size=resamples)
    values = statistic(drawn.reshape(resamples, *counts.shape).astype(np.float64))
    return shifted_interval(values, float(statistic(counts[np.newaxis])[0]), low=low, high=high)
