"""Features and a concept (species) -> features from which the concept is taken out, fitted on training rows alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from petmood.errors import ConfigError

Matrix = NDArray[np.float64]
MIN_ROWS: Final = 5
"""Training rows of a species below which its own spread is not estimated, and that of all species is used."""


class Eraser(Protocol):
    """A fitted map from features and their concept to features without it."""

    def transform(self, X: NDArray[np.floating[Any]], concept: Matrix) -> Matrix:
        """(n, dim) features and (n, k) concept probabilities -> (n, dim) float64."""
        ...


@dataclass(frozen=True)
class WithinGroups:
    """Each row minus the mean of its group, optionally over the group's standard deviation.

    Attributes:
        means, scales: (k, dim) by group; a group that training did not have takes those of all rows.
    """

    means: Matrix
    scales: Matrix

    def transform(self, X: NDArray[np.floating[Any]], concept: Matrix) -> Matrix:
        """(n, dim) float64; a row's group is its most probable one."""
        group = concept.argmax(axis=1)
        cleaned: Matrix = (X.astype(np.float64) - self.means[group]) / self.scales[group]
        return cleaned


@dataclass(frozen=True)
class Leace:
    """Least-squares concept erasure in closed form (Belrose et al. 2023, "LEACE", theorem 4.2).

    r(x) = x - W^+ P W (x - mean) with W the whitening of the features and P the projection onto the whitened
    cross-covariance of features and concept. On the rows of `fit`, no linear map finds any of the concept in r(x), and
    no other map that achieves this moves the rows less.

    Attributes:
        mean: (dim,) of the training features.
        read: (dim, r) and write: (r, dim): the part taken out is (x - mean) @ read @ write.
    """

    mean: NDArray[np.float64]
    read: Matrix
    write: Matrix

    def transform(self, X: NDArray[np.floating[Any]], concept: Matrix) -> Matrix:
        """(n, dim) float64; the concept of the rows is not looked at."""
        return X.astype(np.float64) - (X - self.mean) @ self.read @ self.write


def fit_leace(X: NDArray[np.floating[Any]], concept: Matrix, weights: NDArray[np.float64]) -> Leace:
    """Fit LEACE. With more features than rows, directions without variance are left alone.

    Args:
        X: (n, dim) features.
        concept: (n, k) concept, e.g. probabilities of species.
        weights: (n,) weight of each row.
    """
    w = np.sqrt(weights / weights.sum())[:, np.newaxis]
    mean = weights @ X / weights.sum()
    left, singular, right = np.linalg.svd((X - mean) * w, full_matrices=False)
    keep = singular > 1e-9 * max(float(singular[0]), 1e-300)
    left, singular, right = left[:, keep], singular[keep], right[keep]
    centred = (concept - weights @ concept / weights.sum()) * w
    # whitened features are the rows of `left`; their cross-covariance with the concept spans what must go
    basis, strength, _ = np.linalg.svd(left.T @ centred, full_matrices=False)
    basis = basis[:, strength > 1e-9 * max(float(strength[0]), 1e-9)]
    return Leace(mean, (right.T / singular) @ basis, (basis.T * singular) @ right)


def fit_within_groups(
    X: NDArray[np.floating[Any]], concept: Matrix, weights: NDArray[np.float64], *, scale: bool
) -> WithinGroups:
    """Fit group means and, with `scale`, group standard deviations; see `fit_leace` for the arguments."""
    group = concept.argmax(axis=1)
    values = X.astype(np.float64)
    mean = np.average(values, axis=0, weights=weights)
    deviation = _deviation(values, mean, weights)
    means = np.tile(mean, (concept.shape[1], 1))
    scales = np.ones_like(means) if not scale else np.tile(deviation, (concept.shape[1], 1))
    for k in np.unique(group):
        rows = group == k
        means[k] = np.average(values[rows], axis=0, weights=weights[rows])
        if scale and rows.sum() >= MIN_ROWS:
            own = _deviation(values[rows], means[k], weights[rows])
            scales[k] = np.where(own > 1e-6 * deviation, own, deviation)
    return WithinGroups(means, scales)


def _deviation(values: Matrix, mean: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    found = np.sqrt(np.average((values - mean) ** 2, axis=0, weights=weights))
    return np.where(found > 0, found, 1.0)


ERASERS: Final = ("centre", "standardise", "leace")
"""Ways of taking species out: minus the species' mean; also over its standard deviation; LEACE."""


def fit_eraser(
    method: str, X: NDArray[np.floating[Any]], concept: Matrix, weights: NDArray[np.float64] | None = None
) -> Eraser:
    """Fit one of `ERASERS`.

    Args:
        method: its name.
        X: (n, dim) training features.
        concept: (n, k) probabilities of the concept's values.
        weights: (n,) weight of each row; all 1 if None.

    Raises:
        ConfigError: an unknown method.
    """
    if method not in ERASERS:
        raise ConfigError(f"unknown way of taking species out '{method}'. Choose one of: {', '.join(ERASERS)}.")
    given = np.ones(len(X)) if weights is None else weights
    if method == "leace":
        return fit_leace(X, concept, given)
    return fit_within_groups(X, concept, given, scale=method == "standardise")
