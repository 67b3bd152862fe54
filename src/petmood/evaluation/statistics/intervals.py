"""Values by family -> their mean, or another statistic of them, with an interval made by resampling whole families."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from petmood.records import IntArray
from petmood.results import Interval

CONFIDENCE: Final = 0.95
RESAMPLES: Final = 9999
SEED: Final = 0
"""Of every resampling unless a caller has a reason: equal figures then have equal intervals, wherever they stand."""

BOOTSTRAP: Final = "bootstrap-families"
SHIFTED: Final = "bootstrap-families-shifted"

Values = NDArray[np.float64]
Statistic = Callable[[Values], Values]


def wilson_interval(correct: float, n: int, confidence: float = CONFIDENCE) -> Interval:
    """Wilson's score interval of a proportion (Wilson 1927), as fractions in [0, 1].

    For shares of independent things of which only the number is known or which occur rarely: pairs, drawn pictures,
    mistakes of a rule. An accuracy has `mean_interval`.

    Args:
        correct: successes, 0 to n; need not be whole.
        n: independent trials, 1 or more.
        confidence: nominal coverage.
    """
    from scipy.stats import norm

    z2 = float(norm.ppf((1 + confidence) / 2)) ** 2
    share = correct / n
    centre, half = share + z2 / (2 * n), math.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n)))
    low, high = (centre - half) / (1 + z2 / n), (centre + half) / (1 + z2 / n)
    return (0.0 if correct == 0 else low), (1.0 if correct == n else high)


def newcombe_interval(correct: float, n: int, other_correct: float, other_n: int) -> Interval:
    """95 % interval of the difference of two shares of different things (Newcombe 1998, method 10), e.g. of two splits.

    Shares of the same photos are paired: use `tell_apart` for them.

    Args:
        correct: successes of the first, 0..n.
        n: independent trials of the first: photos, not files.
        other_correct: successes of the second.
        other_n: independent trials of the second.
    """
    first, second = correct / n, other_correct / other_n
    low, high = wilson_interval(correct, n)
    other_low, other_high = wilson_interval(other_correct, other_n)
    difference = first - second
    return (
        difference - math.hypot(first - low, other_high - second),
        difference + math.hypot(high - first, second - other_low),
    )


def draw_counts(kinds: IntArray, *, resamples: int = RESAMPLES, seed: int = SEED) -> Values:
    """The bootstrap: how often each kind of family is drawn when all families are drawn anew with replacement.

    Args:
        kinds: (n_kinds,) number of families of each kind; ones to draw families one by one. Families with equal values
            may be drawn as one kind: the draws have the same distribution and cost less.
        resamples: draws.
        seed: of the draws.

    Returns:
        (resamples, n_kinds) float64, each row adding up to the number of families.
    """
    n = int(kinds.sum())
    return np.random.default_rng(seed).multinomial(n, kinds / n, size=resamples).astype(np.float64)


def family_totals(values: Values, families: IntArray | None) -> tuple[Values, Values]:
    """(n_families,) sums of the values of each family, and (n_families,) numbers of them; None: each its own family."""
    if families is None:
        return values.astype(np.float64), np.ones(len(values))
    _, where = np.unique(families, return_inverse=True)
    return np.bincount(where, weights=values).astype(np.float64), np.bincount(where).astype(np.float64)


def kinds_of(*columns: Values) -> tuple[Values, IntArray]:
    """Families with equal values as one kind each, in order of first appearance.

    The order keeps draws for a - b and for b - a the same.

    Args:
        columns: (n_families,) or (n_families, k) values.

    Returns:
        (n_kinds, k) values of each kind, and (n_kinds,) how many families it has.
    """
    rows = np.column_stack(columns)
    order = np.lexsort(rows.T)  # in a third of the time that np.unique takes for rows
    begins = np.flatnonzero(np.r_[True, (np.diff(rows[order], axis=0) != 0).any(axis=1)])
    sizes = np.diff(np.r_[begins, len(rows)])
    first = order[begins]  # equal rows stay in their order
    shown = np.argsort(first)
    return rows[first[shown]], sizes[shown].astype(np.int64)


def expanded_percentiles(n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Lower and upper quantile that give a bootstrap of n families the width of a t interval (Hesterberg 2015)."""
    from scipy.stats import norm, t

    tail = float(norm.cdf(math.sqrt(n / (n - 1)) * t.ppf((1 - confidence) / 2, n - 1)))
    return tail, 1 - tail


def percentile_interval(draws: Values, n: int, confidence: float = CONFIDENCE) -> Interval:
    """Expanded percentiles of a statistic over resamplings of n families, n >= 2."""
    low, high = np.quantile(draws, expanded_percentiles(n, confidence))
    return float(low), float(high)


def mean_interval(
    values: NDArray[Any],
    families: IntArray | None = None,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Interval:
    """The interval of every accuracy, recall, coverage and hit rate: a bootstrap of whole families.

    What is predicted of one photo under several repeats, or of several files of one photo, is averaged or stays
    together; only families are independent (Field and Welsh 2007). Bounds are expanded percentiles (Hesterberg 2015),
    which make up for the narrowness of plain ones on few families. Where all families have the same share, resampling
    sees no spread: the interval is then Wilson's of that share over families.

    Args:
        values: (n,) bool, or float in [0, 1]: hits or hit rates; n >= 1. A difference has `compare_pair`.
        families: (n,) the family of each value; each its own if None.
        confidence: nominal coverage.
        resamples: draws.
        seed: of the draws.

    Raises:
        ValueError: there is no value, or one outside [0, 1].
    """
    sums, counts = family_totals(values.astype(np.float64), families)
    if not len(sums) or values.min() < 0 or values.max() > 1:
        raise ValueError("an interval of a mean needs values, all of them in [0, 1]")
    if np.ptp(sums / counts) < 1e-12:
        return wilson_interval(float(sums.sum() / counts.sum()) * len(sums), len(sums), confidence)
    kinds, sizes = kinds_of(sums, counts)
    drawn = draw_counts(sizes, resamples=resamples, seed=seed)
    return percentile_interval((drawn @ kinds[:, 0]) / (drawn @ kinds[:, 1]), len(sums), confidence)


def shifted_interval(draws: Values, estimate: float, n: int, *, low: float = 0.0, high: float = 1.0) -> Interval:
    """Percentile interval of draws that are biased, shifted so that their mean is the estimate; within [low, high]."""
    lower, upper = percentile_interval(draws - (draws.mean() - estimate), n)
    return min(max(lower, low), high), min(max(upper, low), high)


def table_interval(table: NDArray[Any], statistic: Statistic) -> Interval:
    """95 % interval of a statistic in [0, 1] of a table of counts of families.

    Mutual information grows with every resampling of a small sample; the draws are therefore shifted back by their
    mean excess.

    Args:
        table: counts, of any shape that `statistic` takes after a leading axis of draws; their sum is 2 or more.
        statistic: (draws, *table.shape) -> (draws,).
    """
    counts = np.asarray(table, dtype=np.int64)
    drawn = draw_counts(counts.ravel()).reshape(-1, *counts.shape)
    estimate = float(statistic(counts[np.newaxis].astype(np.float64))[0])
    return shifted_interval(statistic(drawn), estimate, int(counts.sum()), low=0.0, high=1.0)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well two readings of the same photos agree.

    Attributes:
        n: photos that both readers gave a label.
        agreed: photos to which both gave the same one.
        kappa: Cohen's kappa in [-1, 1]: 0 is what chance would give; None where it is undefined (no photo, or both
            readers gave one and the same label throughout).
        kappa_ci: its 95 % interval; None where kappa is.
    """

    n: int
    agreed: int
    kappa: float | None
    kappa_ci: Interval | None


def agreement(
    first: Sequence[Hashable],
    second: Sequence[Hashable],
    families: IntArray | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Agreement:
    """Cohen's kappa (Cohen 1960) of two readings, with a bootstrap over families.

    Where both readers agree throughout, resampling sees no spread: the lower bound is then what kappa would be if they
    disagreed as often as Wilson's interval allows.

    Args:
        first: the label of each photo by one reader.
        second: as long: those by the other.
        families: (n,) the family of each photo; each its own if None.
        resamples: draws; those in which kappa is undefined are left out.
        seed: of the draws.

    Raises:
        ValueError: the readings differ in length.
    """
    if len(first) != len(second):
        raise ValueError(f"readings of {len(first)} and {len(second)} photos cannot be compared")
    n = len(first)
    agreed = sum(a == b for a, b in zip(first, second, strict=True))
    names = {name: i for i, name in enumerate(dict.fromkeys((*first, *second)))}
    k = len(names)
    if k < 2:
        return Agreement(n, agreed, None, None)
    _, where = np.unique(np.arange(n) if families is None else families, return_inverse=True)
    tables = np.zeros((where.max() + 1, k * k))
    cells = np.array([names[a] * k + names[b] for a, b in zip(first, second, strict=True)])
    np.add.at(tables, (where, cells), 1)
    whole = tables.sum(axis=0)
    kappa = float(_kappa(whole.reshape(1, k, k))[0])
    chance = float((whole.reshape(k, k).sum(axis=0) ** 2).sum()) / n**2
    found = _chance_corrected(
        lambda drawn: _kappa(drawn.reshape(-1, k, k)), tables, agreed == n, 1 - chance, resamples, seed
    )
    return Agreement(n, agreed, kappa, found)


def _chance_corrected(
    statistic: Statistic, totals: Values, unanimous: bool, room: float, resamples: int, seed: int
) -> Interval:
    """95 % interval of an agreement beyond chance, by resampling rows of totals; `room` is what chance leaves of 1."""
    if unanimous:
        return max(-1.0, 1 - wilson_interval(0, len(totals))[1] / room), 1.0
    if len(totals) < 2:
        return -1.0, 1.0
    kinds, sizes = kinds_of(totals)
    drawn = statistic(draw_counts(sizes, resamples=resamples, seed=seed) @ kinds)
    return percentile_interval(drawn[np.isfinite(drawn)], len(totals))


@dataclass(frozen=True, slots=True)
class Reliability:
    """How well any number of readers agree on the same photos.

    Attributes:
        n: photos that two readers or more gave a label.
        readers: readers who gave one of these a label.
        unanimous: photos on which all who read them agree.
        alpha: Krippendorff's alpha for nominal labels, at most 1: 0 is what chance would give; None where it is
            undefined (no such photo, or one and the same label throughout).
        alpha_ci: its 95 % interval; None where alpha is.
    """

    n: int
    readers: int
    unanimous: int
    alpha: float | None
    alpha_ci: Interval | None


def reliability(
    ratings: IntArray, families: IntArray | None = None, *, resamples: int = RESAMPLES, seed: int = SEED
) -> Reliability:
    """Krippendorff's alpha (Krippendorff 2011) of many readings, some of them missing, with a bootstrap over families.

    Where all agree, resampling sees no spread: the lower bound is then what alpha would be if photos disagreed as
    often as Wilson's interval allows.

    Args:
        ratings: (n_photos, n_readers) label codes from 0; -1 where a reader gave none.
        families: (n_photos,) the family of each photo; each its own if None.
        resamples: draws; those in which alpha is undefined are left out.
        seed: of the draws.
    """
    rows = (ratings >= 0).sum(axis=1) > 1
    rated = ratings[rows]
    n, k = len(rated), int(ratings.max(initial=-1)) + 1
    readers = int((rated >= 0).any(axis=0).sum())
    counts = (
        np.stack([(rated == c).sum(axis=1) for c in range(k)], axis=1).astype(np.float64) if k else np.zeros((n, 0))
    )
    given = counts.sum(axis=1)
    apart = (given**2 - (counts**2).sum(axis=1)) / np.maximum(given - 1, 1)
    unanimous = int((apart == 0).sum())
    if (counts.sum(axis=0) > 0).sum() < 2:
        return Reliability(n, readers, unanimous, None, None)
    _, where = np.unique(np.arange(n) if families is None else families[rows], return_inverse=True)
    totals = np.zeros((where.max() + 1, k + 1))
    np.add.at(totals, where, np.column_stack([counts, apart]))
    whole = totals.sum(axis=0, keepdims=True)
    values = whole[0, :k]
    room = 1 - float((values * (values - 1)).sum() / (values.sum() * (values.sum() - 1)))
    found = _chance_corrected(_alpha, totals, unanimous == n, room, resamples, seed)
    return Reliability(n, readers, unanimous, float(_alpha(whole)[0]), found)


def _alpha(totals: Values) -> Values:
    """(m, k + 1) labels given of each class, and disagreement within photos -> (m,) alphas; nan for one class."""
    values, apart = totals[:, :-1], totals[:, -1]
    n = values.sum(axis=1)
    expected = n**2 - (values**2).sum(axis=1)
    return np.asarray(1 - (n - 1) * apart / np.where(expected > 0, expected, np.nan), dtype=np.float64)


def _kappa(tables: Values) -> Values:
    """(m, k, k) tables of counts -> (m,) kappas; nan where chance alone would agree always."""
    n = tables.sum(axis=(1, 2))
    observed = np.trace(tables, axis1=1, axis2=2) / n
    expected = (tables.sum(axis=1) * tables.sum(axis=2)).sum(axis=1) / n**2
    room = np.where(expected < 1, 1 - expected, np.nan)
    return np.asarray((observed - expected) / room, dtype=np.float64)
