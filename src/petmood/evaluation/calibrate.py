"""Probabilities and true classes of photos a model never saw -> how far to trust them: temperature, reliability, sets.

Every function takes probabilities that are out of fold: each photo predicted by a model that saw neither it nor
anything derived from it. In-sample probabilities make every one of these figures meaningless.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from petmood.errors import ConfigError, DataError
from petmood.records import IntArray

TINY: Final = 1e-12
"""Probabilities are clipped to this from below before a logarithm is taken: a certain mistake costs much, not all."""

TEMPERATURES: Final = (0.05, 20.0)
"""Range that a temperature is searched in: at its ends predictions are as good as certain, or as good as even."""

BINS: Final = 10


def fit_temperature(
    probabilities: NDArray[np.float64], truth: IntArray, weights: NDArray[np.float64] | None = None
) -> float:
    """The temperature T > 0 with the least negative log-likelihood of softmax(log p / T) (Guo et al. 2017).

    T above 1 says that the model was overconfident, T below 1 that it was underconfident. The most probable class
    never changes.

    Args:
        probabilities: (n, n_classes) out of fold; rows sum to 1.
        truth: (n,) true class indices in column order, n >= 1.
        weights: (n,) of mean 1; all 1 if None.

    Raises:
        DataError: shapes do not match, or a probability is not a number in [0, 1].
    """
    from scipy.optimize import minimize_scalar

    scores = np.log(np.clip(checked(probabilities, truth), TINY, None))

    def loss(log_temperature: float) -> float:
        return negative_log_likelihood(_softmax(scores / math.exp(log_temperature)), truth, weights)

    low, high = (math.log(t) for t in TEMPERATURES)
    found = minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-6})
    return float(math.exp(found.x))


def apply_temperature(probabilities: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """(n, n_classes) float64: softmax(log p / T); rows sum to 1.

    Raises:
        ConfigError: the temperature is not above 0.
    """
    if not temperature > 0:
        raise ConfigError(f"a temperature must be above 0, got {temperature!r}.")
    return _softmax(np.log(np.clip(probabilities, TINY, None)) / temperature)


def negative_log_likelihood(
    probabilities: NDArray[np.float64], truth: IntArray, weights: NDArray[np.float64] | None = None
) -> float:
    """Mean of -ln p(true class): 0 for certain and right, ln(n_classes) for even odds."""
    logs = np.log(np.clip(probabilities[np.arange(len(truth)), truth], TINY, None))
    return float(-(logs if weights is None else weights * logs).mean())


def brier_score(probabilities: NDArray[np.float64], truth: IntArray) -> float:
    """Mean over photos of the squared distance between probabilities and the truth (Brier 1950): 0 best, 2 worst."""
    target = np.eye(probabilities.shape[1])[truth]
    return float(((probabilities - target) ** 2).sum(axis=1).mean())


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Photos whose most probable class had a probability in (low, high]: their number, mean probability and hits."""

    low: float
    high: float
    n: int
    confidence: float
    correct: int


def reliability(probabilities: NDArray[np.float64], truth: IntArray, bins: int = BINS) -> tuple[ReliabilityBin, ...]:
    """The reliability diagram of the most probable class, in bins of equal width; empty bins are left out."""
    confidence = checked(probabilities, truth).max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    where = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    return tuple(
        ReliabilityBin(
            low=b / bins,
            high=(b + 1) / bins,
            n=int((where == b).sum()),
            confidence=float(confidence[where == b].mean()),
            correct=int(right[where == b].sum()),
        )
        for b in np.unique(where)
    )


def expected_calibration_error(probabilities: NDArray[np.float64], truth: IntArray) -> float:
    """ECE in [0, 1]: the mean over photos of |hit rate - mean probability| of each photo's bin (Naeini et al. 2015).

    It is biased upwards on few photos: a perfectly calibrated model has an ECE above 0 too.
    """
    found = reliability(probabilities, truth)
    return sum(abs(b.correct - b.n * b.confidence) for b in found) / len(truth)


@dataclass(frozen=True, slots=True)
class PredictionSets:
    """Thresholds of conformal prediction sets, one a class: a set holds each class whose 1 - p is within its own.

    Attributes:
        alpha: the error rate that sets aim for: a set holds the true class in a share 1 - alpha of photos, class by
            class.
        thresholds: for each class the largest 1 - p that still counts as possible; None where the class has too few
            photos to know (fewer than `photos_needed(alpha)`): it is uncoverable, and stands in every set.
        n: calibration photos of each class.
    """

    alpha: float
    thresholds: tuple[float | None, ...]
    n: tuple[int, ...]

    @property
    def uncoverable(self) -> tuple[int, ...]:
        """Indices of the classes with too few photos for a threshold."""
        return tuple(i for i, threshold in enumerate(self.thresholds) if threshold is None)

    def sets(self, probabilities: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(n, n_classes) bool: which classes each set holds; the most probable one always, so that none is empty."""
        limits = np.array([np.inf if t is None else t for t in self.thresholds])
        held = 1 - probabilities <= limits
        held[np.arange(len(probabilities)), probabilities.argmax(axis=1)] = True
        return np.asarray(held, dtype=np.bool_)


def photos_needed(alpha: float) -> int:
    """Fewest calibration photos of a class with which any threshold below "always" can promise 1 - alpha."""
    if not 0 < alpha < 1:
        raise ConfigError(f"the error rate of prediction sets must be between 0 and 1, got {alpha!r}.")
    return math.ceil((1 - alpha) / alpha - 1e-9)


def fit_conformal(probabilities: NDArray[np.float64], truth: IntArray, alpha: float = 0.1) -> PredictionSets:
    """Class-conditional conformal thresholds (Vovk 2012) of the score 1 - p(true class).

    For a class with n photos the threshold is the ceil((n + 1) (1 - alpha))-th smallest score. With photos that
    are exchangeable with future ones and a model that saw none of them, sets hold the true class with probability
    1 - alpha or more, on average over calibration sets. Out-of-fold scores come from several models, each a little
    weaker than one fitted on everything: then the promise proven is 1 - 2 alpha, and 1 - alpha what is usually seen
    (Barber et al. 2021). So the coverage is to be measured, not only promised.

    Args:
        probabilities: (n, n_classes) out of fold; rows sum to 1.
        truth: (n,) true class indices in column order.
        alpha: error rate aimed for, between 0 and 1.

    Raises:
        ConfigError: alpha is out of range.
        DataError: shapes do not match, or a probability is not a number in [0, 1].
    """
    known = checked(probabilities, truth)
    needed = photos_needed(alpha)
    counts, thresholds = [], list[float | None]()
    for k in range(known.shape[1]):
        scores = np.sort(1 - known[truth == k, k])
        n = len(scores)
        rank = math.ceil((n + 1) * (1 - alpha) - 1e-9)
        counts.append(n)
        thresholds.append(float(scores[rank - 1]) if n >= needed else None)
    return PredictionSets(alpha, tuple(thresholds), tuple(counts))


def checked(probabilities: NDArray[np.float64], truth: IntArray) -> NDArray[np.float64]:
    """Probabilities as they came, if they and the classes are what calibration needs.

    Raises:
        DataError: shapes do not match, or a probability is not a number in [0, 1].
    """
    if probabilities.ndim != 2 or len(probabilities) != len(truth) or not len(truth):
        raise DataError(
            f"calibration needs a row of probabilities a photo, got shape {probabilities.shape} "
            f"for {len(truth)} true classes. Give both for the same photos."
        )
    if not np.isfinite(probabilities).all() or probabilities.min() < 0 or probabilities.max() > 1 + 1e-6:
        raise DataError("calibration needs probabilities between 0 and 1; give the output of predict_proba.")
    if truth.min() < 0 or truth.max() >= probabilities.shape[1]:
        raise DataError(
            f"true classes must be indices from 0 to {probabilities.shape[1] - 1}, "
            f"got {truth.min()} to {truth.max()}. Leave out unlabelled photos."
        )
    return probabilities


def _softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.special import softmax

    probabilities: NDArray[np.float64] = softmax(scores, axis=1)
    return probabilities
