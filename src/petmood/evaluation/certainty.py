"""Out-of-fold probabilities of photos -> how far to trust them: calibration, prediction sets, when not to answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from petmood.evaluation import calibrate
from petmood.evaluation.statistics import mean_interval
from petmood.records import IntArray
from petmood.results import AbstainPoint, CalibrationFacts, ClassCoverage, ReliabilityFacts, SetFacts, Sureness

Probabilities = NDArray[np.float64]

ALPHAS: Final = (0.2, 0.1)
ANSWERED: Final = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
PARTS: Final = 5
SIMULATIONS: Final = 200


def calibration_facts(
    probabilities: Probabilities,
    truth: IntArray,
    classes: Sequence[str],
    *,
    model: str,
    title: str,
    protocol: str,
    seed: int,
) -> CalibrationFacts:
    """Everything about the sureness of one model.

    Whatever is fitted (temperature, thresholds) is judged on photos that it was not fitted on, by dealing the photos
    into parts once more; each row is a photo of its own here, so that parts share nothing.

    Args:
        probabilities: (n, n_classes) out of fold, a row a photo.
        truth: (n,) true class indices.
        classes: names in column order.
        model: the model's name.
        title: the same for people.
        protocol: how the probabilities were made.
        seed: of the parts.
    """
    parts = list(_parts(truth, seed))
    scaled = np.empty_like(probabilities)
    for fitted, held in parts:
        temperature = calibrate.fit_temperature(probabilities[fitted], truth[fitted])
        scaled[held] = calibrate.apply_temperature(probabilities[held], temperature)
    shares = np.bincount(truth, minlength=len(classes)) / len(truth)
    return CalibrationFacts(
        model=model,
        title=title,
        protocol=protocol,
        n=len(truth),
        temperature=calibrate.fit_temperature(probabilities, truth),
        before=sureness(probabilities, truth),
        after=sureness(scaled, truth),
        ece_if_calibrated=chance_ece(scaled, seed),
        brier_constant=calibrate.brier_score(np.tile(shares, (len(truth), 1)), truth),
        sets=tuple(_sets(probabilities, truth, classes, parts, alpha) for alpha in ALPHAS),
        abstention=tuple(_abstention(scaled, truth)),
    )


def _parts(truth: IntArray, seed: int) -> Iterator[tuple[IntArray, IntArray]]:
    """Fitted and held-out photos; stratified as far as the rarest class allows."""
    rng = np.random.default_rng(seed)
    part = np.empty(len(truth), dtype=np.int64)
    start = 0
    for k in np.unique(truth):
        rows = rng.permutation(np.flatnonzero(truth == k))
        # going on where the last class stopped keeps the parts of equal size
        part[rows] = (start + np.arange(len(rows))) % PARTS
        start += len(rows)
    for p in range(PARTS):
        if (part == p).any() and (part != p).any():
            yield np.flatnonzero(part != p), np.flatnonzero(part == p)


def sureness(probabilities: Probabilities, truth: IntArray) -> Sureness:
    """How good the probabilities of photos are, as they come."""
    return Sureness(
        ece=calibrate.expected_calibration_error(probabilities, truth),
        brier=calibrate.brier_score(probabilities, truth),
        log_loss=calibrate.negative_log_likelihood(probabilities, truth),
        reliability=tuple(
            ReliabilityFacts(
                low=b.low,
                high=b.high,
                n=b.n,
                confidence=b.confidence,
                accuracy=b.correct / b.n,
                accuracy_ci=mean_interval(np.arange(b.n) < b.correct),
            )
            for b in calibrate.reliability(probabilities, truth)
        ),
    )


def chance_ece(probabilities: Probabilities, seed: int) -> float:
    """The mean ECE over truths drawn from the probabilities themselves: what few photos alone bring about."""
    rng = np.random.default_rng(seed)
    edges = probabilities.cumsum(axis=1)[:, :-1]
    drawn = ((rng.random((len(probabilities), 1)) > edges).sum(axis=1).astype(np.int64) for _ in range(SIMULATIONS))
    return float(np.mean([calibrate.expected_calibration_error(probabilities, truth) for truth in drawn]))


def _sets(
    probabilities: Probabilities,
    truth: IntArray,
    classes: Sequence[str],
    parts: Sequence[tuple[IntArray, IntArray]],
    alpha: float,
) -> SetFacts:
    held = np.zeros(probabilities.shape, dtype=np.bool_)
    for fitted, judged in parts:
        held[judged] = calibrate.fit_conformal(probabilities[fitted], truth[fitted], alpha).sets(probabilities[judged])
    covered = held[np.arange(len(truth)), truth]
    whole = calibrate.fit_conformal(probabilities, truth, alpha)
    uncoverable = tuple(classes[i] for i in whole.uncoverable)
    sizes = held.sum(axis=1)
    n, hits = len(truth), int(covered.sum())
    by_class = {}
    for i, name in enumerate(classes):
        own = covered[truth == i]
        if len(own):
            by_class[name] = ClassCoverage(
                n=len(own), covered=name not in uncoverable, coverage=float(own.mean()), coverage_ci=mean_interval(own)
            )
    return SetFacts(
        target=1 - alpha,
        n=n,
        coverage=hits / n,
        coverage_ci=mean_interval(covered),
        mean_size=float(sizes.mean()),
        size_counts=tuple(int((sizes == s).sum()) for s in range(1, len(classes) + 1)),
        photos_needed=calibrate.photos_needed(alpha),
        uncoverable=uncoverable,
        by_class=by_class,
    )


def _abstention(probabilities: Probabilities, truth: IntArray) -> Iterator[AbstainPoint]:
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    order = np.argsort(-confidence, kind="stable")
    for share in ANSWERED:
        n = max(1, round(share * len(truth)))
        hits = int(right[order[:n]].sum())
        yield AbstainPoint(
            answered=n / len(truth),
            threshold=float(confidence[order[n - 1]]),
            n=n,
            accuracy=hits / n,
            accuracy_ci=mean_interval(right[order[:n]]),
        )
