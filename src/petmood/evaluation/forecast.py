"""A learning curve -> a fitted power law, and how many more photos it asks for, with an interval."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

EXPONENTS: Final = np.linspace(0.1, 1.5, 29)
"""Rates of decay that are tried; learning curves of classifiers lie well inside (Viering and Loog 2023)."""


def fit_curves(sizes: Values, values: Values) -> Values:
    """(n_curves, 3): a, b and c of a - b n^-c with the least squared error, where 0 <= a <= 1 and b >= 0.

    Args:
        sizes: (n_points,) numbers of photos, above 0.
        values: (n_curves, n_points) accuracies or recalls in [0, 1].
    """
    middle = values.mean(axis=1)
    away = values - middle[:, np.newaxis]
    best = np.column_stack([middle, np.zeros(len(values)), np.ones(len(values))])
    least = (away**2).sum(axis=1)
    for c in EXPONENTS:
        x = sizes ** -float(c)
        spread = float(((x - x.mean()) ** 2).sum())
        b = -((x - x.mean()) * away).sum(axis=1) / spread if spread else np.zeros(len(values))
        a = middle + b * x.mean()
        b = np.where(a > 1, (x * (1 - values)).sum(axis=1) / (x**2).sum(), b)
        a = np.minimum(a, 1.0)
        error = ((a[:, np.newaxis] - b[:, np.newaxis] * x - values) ** 2).sum(axis=1)
        better = (b > 0) & (error < least - 1e-15)
        least = np.where(better, error, least)
        best[better] = np.column_stack([a, b, np.full(len(a), c)])[better]
    return best


def photos_for_gain(sizes: Values, values: Values, now: float, gain: float, horizon: float) -> Values:
    """(n_curves,) photos beyond `now` where each fitted curve is `gain` above its value there.

    inf if not by `horizon * now`. `values` are (n_curves, n_points).
    """
    a, b, c = fit_curves(sizes, values).T
    target = a - b * now**-c + gain
    reached = (b > 0) & (target < a)
    needed = np.full(len(a), math.inf)
    needed[reached] = (b[reached] / (a - target)[reached]) ** (1 / c[reached])
    return np.where(needed <= horizon * now, needed - now, math.inf)


def forecast_gain(
    sizes: Values, rates: Values, now: float, gain: float, horizon: float, draws: Values
) -> tuple[float, tuple[float, float]]:
    """Photos needed for a gain, and their 95 % interval by refitting to photos drawn anew; inf where out of reach.

    Args:
        sizes: (n_points,) photos in training.
        rates: (n_photos, n_points) hit rate of each evaluated photo at each size.
        now: photos there are today.
        gain: points to win, as a fraction.
        horizon: how many times `now` a forecast may reach.
        draws: (resamples, n_photos) how often each photo is drawn.
    """
    [central] = photos_for_gain(sizes, rates.mean(axis=0, keepdims=True), now, gain, horizon)
    needed = np.sort(photos_for_gain(sizes, draws @ rates / draws.sum(axis=1, keepdims=True), now, gain, horizon))
    # order statistics, since infinities cannot be averaged
    low, high = (needed[round(q * (len(needed) - 1))] for q in (0.025, 0.975))
    return float(central), (float(low), float(high))
