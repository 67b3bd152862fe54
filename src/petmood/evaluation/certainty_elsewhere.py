"""Probabilities of photos from sources that training did not see -> certainty that holds on the next such source.

What is calibrated on photos of the training data's own kind promises nothing elsewhere: there models are wrong more
often and hardly less confident. Here every photo is judged by a model that saw no photo of its source, and each
source counts as one draw from the sources that are still to come.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from petmood.errors import ConfigError, DataError
from petmood.evaluation.calibrate import apply_temperature, checked, fit_temperature
from petmood.records import IntArray

Probabilities = NDArray[np.float64]

COVERAGES: Final = (0.8, 0.9)

RATE: Final = 0.8
"""How often answers called "sure" must have been right."""

CONFIDENCE: Final = 0.95
"""One-sided confidence of the lower bound that "sure" must keep on every source."""

FEWEST: Final = 30
"""Confident photos of each source without which nothing is said of how often confident answers are right."""

STEPS: Final = 50
"""Thresholds of "sure" that are tried, from the strictest down, each ever fiftieth of the photos."""

LIMITS: Final = 401
"""Limits of sets that are tried: quantiles of the scores of all photos."""

NEXT_SOURCE: Final = 0.8
"""In how many of the sources to come sets are to hold what they state, as far as the spread of those seen can tell."""

ONE_SOURCE: Final = 1.5
"""Log odds of coverage by which sets of a model of one source are widened: what one source cannot show, it cannot deny.

0.80 becomes 0.947 of the source's own photos. Models of one source lost up to this much on another:
`petmood travel --methods` prints how much.
"""


@dataclass(frozen=True)
class Sets:
    """A threshold of prediction sets that travels: a set holds each class whose 1 - p is within it.

    Attributes:
        coverage: stated: how often a set is to hold the true class on a source that training did not see.
        limit: the largest 1 - p that still counts as possible; 1 puts every class into every set.
        seen: for each source, the share of its photos whose true class the limit holds, classes even.
        unlearnt: indices of classes that the model never saw: it cannot deny them, so they stand in every set.
    """

    coverage: float
    limit: float
    seen: tuple[float, ...]
    unlearnt: tuple[int, ...] = ()

    def sets(self, probabilities: Probabilities) -> NDArray[np.bool_]:
        """(n, n_classes) bool: which classes each set holds; the most probable one always, so that none is empty."""
        held = 1 - probabilities <= self.limit
        held[np.arange(len(probabilities)), probabilities.argmax(axis=1)] = True
        held[:, list(self.unlearnt)] = True
        return np.asarray(held, dtype=np.bool_)


@dataclass(frozen=True)
class SureAt:
    """From which confidence an answer may be called sure.

    Attributes:
        threshold: least probability of the first answer, after the temperature.
        n, right: for each source, its photos that were sure, and how many answers among them were right.
        low: the least lower bound of right / n over sources.
    """

    threshold: float
    n: tuple[int, ...]
    right: tuple[int, ...]
    low: float


@dataclass(frozen=True)
class TransferCalibration:
    """What a model may say of its certainty about pictures from elsewhere.

    Attributes:
        n_sources: sources that it was calibrated over. With one, nothing is known of elsewhere: sets are widened by
            `ONE_SOURCE` and no answer is sure.
        temperature: by which log probabilities are divided.
        levels: prediction sets, one for each stated coverage.
        sure: from which confidence answers are sure; None if they were not right often enough anywhere, or if it
            cannot be known.
        why_not: why no answer is sure; "" where some are.
    """

    n_sources: int
    temperature: float
    levels: tuple[Sets, ...]
    sure: SureAt | None
    why_not: str

    def scaled(self, probabilities: Probabilities) -> Probabilities:
        """(n, n_classes) float64 calibrated probabilities; the most probable class never changes."""
        return apply_temperature(probabilities, self.temperature)

    def is_sure(self, scaled: Probabilities) -> NDArray[np.bool_]:
        """(n,) bool: which answers may be called sure, of probabilities as `scaled` gives them."""
        if self.sure is None:
            return np.zeros(len(scaled), dtype=np.bool_)
        return np.asarray(scaled.max(axis=1) >= self.sure.threshold, dtype=np.bool_)


def fit_transfer(
    probabilities: Probabilities,
    truth: IntArray,
    source: IntArray,
    *,
    known: NDArray[np.bool_] | None = None,
    unlearnt: Sequence[int] = (),
    coverages: Sequence[float] = COVERAGES,
    rate: float = RATE,
) -> TransferCalibration:
    """Calibrate over sources that were left out.

    Sources count alike, however many photos they have, and so do the classes of each. A limit of sets holds the stated
    coverage on every source seen, and by the spread of their log odds on `NEXT_SOURCE` of the sources to come (a
    prediction interval by Student's t: with few sources it is wide, as it must be).

    Args:
        probabilities: (n, n_classes), a row a photo (a family): with two sources or more, by a model that saw no photo
            of its source; with one, out of grouped folds. Rows sum to 1.
        truth: (n,) true class indices in column order.
        source: (n,) the source of each photo.
        known: (n,) whether the model that judged a photo had learnt its class; photos of which it had not say nothing
            of a model that has, and are left out. All if None.
        unlearnt: indices of classes that the model to be calibrated has not learnt.
        coverages: stated coverages of prediction sets.
        rate: how often sure answers must be right.

    Raises:
        ConfigError: a coverage or rate out of (0, 1).
        DataError: shapes do not match, or a probability is not a number in [0, 1].
    """
    for value in (*coverages, rate):
        if not 0 < value < 1:
            raise ConfigError(f"coverages and rates must be between 0 and 1, got {value!r}.")
    if probabilities.ndim != 2 or not len(probabilities) == len(truth) == len(source) or not len(truth):
        raise DataError(
            f"calibration needs a row of probabilities, a class and a source a photo, got {probabilities.shape}, "
            f"{len(truth)} and {len(source)}."
        )
    checked(probabilities, truth)
    if known is not None:
        probabilities, truth, source = probabilities[known], truth[known], source[known]
        if not len(truth):
            raise DataError("no photo is of a class that its model had learnt. Give sources with a class in common.")
    temperature = fit_temperature(probabilities, truth, even_weights(truth, source))
    scaled = apply_temperature(probabilities, temperature)
    names = np.unique(source)
    levels = tuple(
        replace(_level(scaled, truth, source, coverage), unlearnt=tuple(unlearnt)) for coverage in sorted(coverages)
    )
    sure, why_not = _sure(scaled, truth, source, rate) if len(names) > 1 else (None, _ONE)
    return TransferCalibration(len(names), temperature, levels, sure, why_not)


_ONE: Final = "it was trained on one source, so how it does on pictures from elsewhere is not known"


def even_weights(truth: IntArray, source: IntArray) -> NDArray[np.float64]:
    """(n,) float64 of mean 1: sources weigh alike, and within each its classes."""
    weights = np.empty(len(truth))
    for s in np.unique(source):
        rows = source == s
        classes, where, counts = np.unique(truth[rows], return_inverse=True, return_counts=True)
        weights[rows] = 1 / (len(classes) * counts[where])
    return np.asarray(weights / weights.mean())


def _level(scaled: Probabilities, truth: IntArray, source: IntArray, coverage: float) -> Sets:
    """The smallest limit from which on the coverage to be expected elsewhere never falls below the stated one."""
    scores = 1 - scaled[np.arange(len(truth)), truth]
    limits = np.unique(np.quantile(scores, np.linspace(0, 1, LIMITS)))
    seen = np.stack([_covered(scores[source == s], truth[source == s], limits) for s in np.unique(source)])
    short = np.flatnonzero(expected_elsewhere(seen) < coverage)
    first = short[-1] + 1 if len(short) else 0
    if first == len(limits):
        return Sets(coverage, 1.0, (1.0,) * len(seen))
    return Sets(coverage, float(limits[first]), tuple(float(v) for v in seen[:, first]))


def _covered(scores: NDArray[np.float64], truth: IntArray, limits: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_limits,) share of a source's photos, classes even, whose score is within each limit.

    As in conformal prediction one more photo, of infinite score, stands in each class's count.
    """
    each = []
    for k in np.unique(truth):
        own = np.sort(scores[truth == k])
        each.append(np.searchsorted(own, limits, side="right") / (len(own) + 1))
    return np.asarray(np.mean(each, axis=0))


def expected_elsewhere(seen: NDArray[np.float64]) -> NDArray[np.float64]:
    """(...) coverage that `NEXT_SOURCE` of the sources to come keep, by that of those seen; at most their least.

    A prediction interval's lower end for one more draw, on log odds: mean - t sd sqrt(1 + 1 / n). One source shows no
    spread; then `ONE_SOURCE` is taken off.

    Args:
        seen: (n_sources, ...) coverages in [0, 1].
    """
    from scipy.special import expit, logit
    from scipy.stats import t

    odds = logit(np.clip(seen, 1e-6, 1 - 1e-6))
    n = len(odds)
    if n == 1:
        return np.asarray(expit(odds[0] - ONE_SOURCE))
    margin = float(t.ppf(NEXT_SOURCE, n - 1)) * odds.std(axis=0, ddof=1) * math.sqrt(1 + 1 / n)
    return np.asarray(np.minimum(expit(odds.mean(axis=0) - margin), seen.min(axis=0)))


def _sure(scaled: Probabilities, truth: IntArray, source: IntArray, rate: float) -> tuple[SureAt | None, str]:
    """Fixed-sequence testing: thresholds from the strictest down, until one fails on a source.

    The order and the first threshold follow from confidences alone, so no correction for many thresholds is due; a
    threshold must pass on every source, so none for many sources is either.
    """
    confidence = scaled.max(axis=1)
    right = scaled.argmax(axis=1) == truth
    names = np.unique(source)
    best: SureAt | None = None
    tested = False
    for step in range(1, STEPS + 1):
        threshold = float(np.quantile(confidence, 1 - step / STEPS))
        chosen = [(source == s) & (confidence >= threshold) for s in names]
        n = tuple(int(rows.sum()) for rows in chosen)
        if min(n) < FEWEST:
            continue
        hits = tuple(int(right[rows].sum()) for rows in chosen)
        low = min(lower_bound(k, m) for k, m in zip(hits, n, strict=True))
        tested = True
        if low < rate:
            break
        best = SureAt(threshold, n, hits, low)
    if best is not None:
        return best, ""
    if not tested:
        return None, f"a source has fewer than {FEWEST} photos, too few to know"
    return None, f"even its most confident answers were not right {rate:.0%} of the time on every source left out"


def lower_bound(right: int, n: int) -> float:
    """One-sided exact lower bound of a proportion (Clopper and Pearson 1934)."""
    from scipy.stats import beta

    return 0.0 if right == 0 else float(beta.ppf(1 - CONFIDENCE, right, n - right + 1))
