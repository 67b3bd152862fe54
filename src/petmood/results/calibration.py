"""How far to trust a model's probabilities: reliability, temperature, prediction sets, and when not to answer."""

from __future__ import annotations

from petmood.results.base import Fact, Identity, Interval, Marked


class ReliabilityFacts(Marked):
    """Photos whose most probable class had a probability in (`low`, `high`]: mean probability against hit rate."""

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float
    accuracy_ci: Interval


class Sureness(Marked):
    """How good probabilities are: ECE (lower is better; biased upwards on few photos), Brier score, log loss."""

    ece: float
    brier: float
    log_loss: float
    reliability: tuple[ReliabilityFacts, ...]


class ClassCoverage(Marked):
    """How often sets hold the true class, among the `n` photos of one class.

    `covered` is false for a class that has too few photos for any threshold: it stands in every set.
    """

    n: int
    covered: bool
    coverage: float
    coverage_ci: Interval


class SetFacts(Marked):
    """Prediction sets which aim to hold the true class in a share `target` of photos, class by class.

    `coverage` is what was measured on photos that the thresholds had not seen; `size_counts[i]` counts photos whose set
    has i + 1 classes.
    """

    target: float
    n: int
    coverage: float
    coverage_ci: Interval
    mean_size: float
    size_counts: tuple[int, ...]
    photos_needed: int
    uncoverable: tuple[str, ...]
    by_class: dict[str, ClassCoverage]


class AbstainPoint(Marked):
    """Answering only the photos whose probability is `threshold` or more: `n` of them, and how many were right."""

    answered: float
    threshold: float
    n: int
    accuracy: float
    accuracy_ci: Interval


class CalibrationFacts(Fact):
    """The sureness of one model under grouped cross-validation.

    `temperature` is fitted on all `n` out-of-fold predictions; `after` is what scaling does to photos that the
    temperature was not fitted on. `ece_if_calibrated` is the ECE that a perfectly calibrated model would show on as
    many photos, by chance alone (mean over simulated truths). `brier_constant` is the Brier score of the class shares.
    """

    model: str
    title: str
    protocol: str
    n: int
    temperature: float
    before: Sureness
    after: Sureness
    ece_if_calibrated: float
    brier_constant: float
    sets: tuple[SetFacts, ...]
    abstention: tuple[AbstainPoint, ...]
    identity: Identity | None = None
