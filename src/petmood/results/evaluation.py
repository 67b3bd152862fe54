"""The schema of evaluation.json: how a finished model, or anybody's predictions, does on labelled data."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from petmood.results.base import Fact, Interval, Marked
from petmood.results.calibration import SetFacts, Sureness
from petmood.results.models import ModelFacts

EVALUATION_VERSION = 1


class EvaluatedModel(Fact):
    """What was evaluated: a bundle, an ONNX file or a table of predictions; `digest` is of its graph or of the table.

    `trained_on`, its digest and the photos `fitted` are those of a bundle; None where nobody says.
    """

    kind: Literal["bundle", "onnx", "predictions"]
    name: str
    title: str
    digest: str
    classes: tuple[str, ...]
    trained_on: str | None = None
    trained_sha256: str | None = None
    fitted: int | None = None


class EvaluatedData(Fact):
    """The labelled data; `mapping` has each of their classes by the class of the model that it was taken for.

    `unanswered` counts photos for which a table has no prediction.
    """

    name: str
    digest: str
    layout: str
    images: int
    photos: int
    classes: tuple[str, ...]
    mapping: dict[str, str]
    animals: int
    unanswered: int = 0


class OverlapPair(Fact):
    """A file of the data and the training photo that it shows: the same bytes, or the photo in other bytes."""

    path: str
    training: str
    how: Literal["bytes", "pixels"]
    agreement: float


class OverlapFacts(Fact):
    """Which photos of the data are among the training photos.

    `searched` says how they were looked for: "pixels" finds changed copies too, "bytes" equal files alone, "nothing"
    where the model says nothing of its training photos. `photos` were found of `n`; `own` is True where the data are
    the training data themselves. `kept` says whether the photos found are part of the figures.
    """

    searched: Literal["pixels", "bytes", "nothing"]
    n: int
    photos: int
    by_bytes: int
    by_pixels: int
    own: bool
    kept: bool
    pairs: tuple[OverlapPair, ...]


class PartFacts(Marked):
    """Accuracy on one part of the photos, e.g. one species or one animal."""

    name: str
    n: int
    correct: int
    accuracy: float
    accuracy_ci: Interval


class AnimalFacts(Marked):
    """The accuracy with whole animals resampled, where the data name `animals`; `worst` have most wrong photos."""

    animals: int
    n: int
    accuracy: float
    accuracy_ci: Interval
    worst: tuple[PartFacts, ...]


class AnswerFacts(Marked):
    """Answers of one kind ("sure", "not-sure", "no-pet-face"): `n` photos, and how often the first class was right."""

    verdict: str
    n: int
    share: float
    accuracy: float
    accuracy_ci: Interval


class ShiftFacts(Fact):
    """One measure here beside the training photos.

    `training` and `here` are the 5, 50 and 95 % quantiles. `above` is the share of photos here above the training
    median, `outside` that outside its middle 90 %; their intervals are corrected together for the `comparisons` made.
    `moved` says whether one of them excludes what the training photos have.
    """

    measure: str
    n: int
    training: tuple[float, float, float]
    here: tuple[float, float, float]
    above: float
    above_ci: Interval
    outside: float
    outside_ci: Interval
    comparisons: int
    moved: bool


class MixFacts(Fact):
    """The share of one species in training and here, with an interval corrected together with those of the measures."""

    species: str
    training: float
    here: float
    here_ci: Interval
    n: int
    moved: bool


class WrongPhoto(Fact):
    """A photo that was named wrongly; `probability` is that of the class named, None where it is not known."""

    path: str
    label: str
    predicted: str
    probability: float | None


class EvaluationFacts(Fact):
    """The whole of evaluation.json.

    `figure` is about the photos that count; with the overlap kept, `seen` and `unseen` tell both apart. `majority` is
    the share of the commonest class. `sureness` and what follows it are None where only labels were predicted.
    `ece_if_calibrated` is the ECE that perfect probabilities would show on as many photos. `shift` and `mix` are empty
    on the training data themselves.
    """

    schema_version: int = Field(default=EVALUATION_VERSION, alias="schema")
    petmood: str
    model: EvaluatedModel
    data: EvaluatedData
    overlap: OverlapFacts
    figure: ModelFacts
    seen: PartFacts | None
    unseen: PartFacts | None
    majority: PartFacts
    sureness: Sureness | None
    ece_if_calibrated: float | None
    brier_constant: float | None
    sets: tuple[SetFacts, ...]
    answers: tuple[AnswerFacts, ...]
    species: tuple[PartFacts, ...]
    animals: AnimalFacts | None
    shift: tuple[ShiftFacts, ...]
    mix: tuple[MixFacts, ...]
    worst: tuple[WrongPhoto, ...]


class CopiedPhoto(Fact):
    """A judged photo, and a file of the training list that shows the same photo."""

    path: str
    training: str
    how: Literal["bytes", "pixels or names"]


class GradeFacts(Fact):
    """A claim of others: predictions of photos beside the list of what the model was trained on.

    `copied` of the `n` judged photos have a copy in training. `claimed` counts them all; `honest` only those that have
    none, `memory` only those that have one.
    """

    petmood: str
    data: EvaluatedData
    n: int
    training_files: int
    training_photos: int
    copied: int
    claimed: ModelFacts
    honest: PartFacts | None
    memory: PartFacts | None
    pairs: tuple[CopiedPhoto, ...]


class Figure(Fact):
    """An accuracy over `n` predictions of `photos` photos, with a 95 % interval made by `ci_method`."""

    protocol: str
    n: int
    photos: int
    accuracy: float
    accuracy_ci: Interval
    ci_method: str


class Regraded(Fact):
    """One claim, or its protocol alone where the data are not those that it was made on.

    `claimed` is the range of accuracies that was claimed, and `source` who claimed it; None for other data.
    `reproduced` is the claim's own protocol with the features of the run, `exposed` the share of its evaluated items
    with a copy in training, `honest` the same classes and features with each photo on one side only.
    """

    name: str
    classes: tuple[str, ...]
    claimed: tuple[float, float] | None
    source: str | None
    reproduced: Figure
    exposed: float
    honest: Figure


class RegradeFacts(Fact):
    """All claims, graded with the same features and the same classifier."""

    model: str
    title: str
    claims: tuple[Regraded, ...]
