"""A learning curve -> a fitted power law, and how many more photos it asks for, with an interval."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

EXPONENTS: Final = np.linspace(0.1, 1.5, 29)
"""Rates of decay that are tried; learning curves of classifiers lie well inside (Viering and Loog 2023)."""


def fit_curve(sizes: Values, values: Values) -> tuple[float, float, float]:
    """(a, b, c) of a - b n^-c with the least squared error, where 0 <= a <= 1 and b >= 0.

    Args:
        sizes: (n_points,) numbers of photos, above 0.
        values: (n_points,) accuracies or recalls in [0, 1].
    """
    best = (float(values.mean()), 0.0, 1.0)
    least = float(((values - best[0]) ** 2).sum())
    for c in EXPONENTS:
        x = sizes ** -float(c)
        spread = float(((x - x.mean()) ** 2).sum())
        b = -float(((x - x.mean()) * (values - values.mean())).sum()) / spread if spread else 0.0
        a = float(values.mean() + b * x.mean())
        if a > 1:
            a, b = 1.0, float((x * (1 - values)).sum() / (x**2).sum())
        if b <= 0:
            continue
        error = float(((a - b * x - values) ** 2).sum())
        if error < least - 1e-15:
            least, best = error, (a, b, float(c))
    return best


def photos_for_gain(sizes: Values, values: Values, now: float, gain: float, horizon: float) -> float:
    """Photos beyond `now` where the fitted curve is `gain` above its value there; inf if not by `horizon * now`."""
    a, b, c = fit_curve(sizes, values)
    target = a - b * now**-c + gain
    if b <= 0 or target >= a:
        return math.inf
    needed = float((b / (a - target)) ** (1 / c))
    return needed - now if needed <= horizon * now else math.inf


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
    central = photos_for_gain(sizes, rates.mean(axis=0), now, gain, horizon)
    means = draws @ rates / draws.sum(axis=1, keepdims=True)
    needed = np.sort([photos_for_gain(sizes, row, now, gain, horizon) for row in means])
    # order statistics, since infinities cannot be averaged
    low, high = (needed[round(q * (len(needed) - 1))] for q in (0.025, 0.975))
    return central, (float(low), float(high))
