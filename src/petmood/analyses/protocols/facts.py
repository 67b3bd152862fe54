"""Protocols beyond the official and the grouped one: repeats, species left out, a learning curve with a forecast."""

from __future__ import annotations

from typing import Literal

from petmood.results.base import Fact, Identity, Interval, Marked


class RepeatedFacts(Marked):
    """Grouped cross-validation several times over: `accuracy` is the mean over repeats of `by_repeat`.

    `accuracy_ci` is a 95 % interval by a bootstrap over the `n` photos, each with its hit rate over the repeats.
    """

    model: str
    folds: int
    repeats: int
    n: int
    accuracy: float
    accuracy_ci: Interval
    ci_method: str
    macro_f1: float
    by_repeat: tuple[float, ...]
    identity: Identity


class SpeciesOut(Marked):
    """One species left out of training: accuracy on its `n` photos.

    `seen_accuracy` is the accuracy on the same photos where their species was trained on (grouped folds), `difference`
    the first minus the second with a paired 95 % interval, and `majority` the share of the species' commonest class.
    """

    species: str
    n: int
    n_train: int
    accuracy: float
    accuracy_ci: Interval
    ci_method: str
    seen_accuracy: float
    difference: float
    difference_ci: Interval
    majority: float
    identity: Identity


class SpeciesOutFacts(Fact):
    """Leave-one-species-out. `told_by` is "head", or "file" (of the user, or the data).

    `too_rare` counts the photos of species with too few to evaluate.
    """

    model: str
    told_by: Literal["head", "file"]
    species: tuple[SpeciesOut, ...]
    too_rare: dict[str, int]


class AnimalsOutFacts(Marked):
    """Animals left out of training, one at a time or some together: accuracy on the `n` photos of `animals`.

    `photo_accuracy` is the accuracy on the same photos where photos alone are kept apart, so that other photos of the
    same animal are in training; `difference` is the first minus that. All intervals are bootstraps over animals.
    """

    model: str
    animals: int
    n: int
    accuracy: float
    accuracy_ci: Interval
    photo_accuracy: float
    photo_accuracy_ci: Interval
    difference: float
    difference_ci: Interval
    ci_method: str
    identity: Identity


class CurvePoint(Marked):
    """A learning curve at one size: models trained on `photos` photos (mean over folds), evaluated on all `n`.

    `class_photos` and `class_recall` say the same of each class.
    """

    share: float
    photos: float
    n: int
    accuracy: float
    accuracy_ci: Interval
    class_photos: dict[str, float]
    class_recall: dict[str, float]


class Forecast(Marked):
    """How many more photos a fitted curve a - b n^-c asks for to gain `gain`.

    `class_name` is None for the accuracy over all classes, else the class whose recall is meant. `more_photos` is None
    where the curve does not get there within `horizon` times today's photos; likewise each bound of `more_photos_ci`,
    a 95 % interval by refitting the curve to resampled photos.
    """

    class_name: str | None
    photos: int
    value: float
    gain: float
    horizon: int
    more_photos: int | None
    more_photos_ci: tuple[int | None, int | None]


class LearningFacts(Fact):
    """A learning curve over the number of photos in training, all classes growing alike, and its forecasts."""

    model: str
    folds: int
    draws: int
    points: tuple[CurvePoint, ...]
    forecasts: tuple[Forecast, ...]


class ProtocolFacts(Fact):
    """What the further protocols found.

    `species_out` is None where the species are not known; `animals_out` where the data do not name animals, or a class
    is shown by one alone.
    """

    repeated: RepeatedFacts
    species_out: SpeciesOutFacts | None
    learning: LearningFacts
    animals_out: AnimalsOutFacts | None = None
