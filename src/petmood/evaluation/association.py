"""Tables of counts by photo -> how strongly two attributes go together: Cramer's V and NMI."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from petmood.records import IntArray

Counts = NDArray[np.floating[Any]]


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
