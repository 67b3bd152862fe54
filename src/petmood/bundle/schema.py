"""The schema of a bundle's model.json: what a model reads, answers and was made of, and how good it was found to be."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import ConfigDict, Field

from petmood.results import Fact, ModelFacts

SCHEMA_VERSION: Final = 1
"""Raise it when a reader of older bundles would misread a new one."""


class Record(Fact):
    """Base of all records of a bundle: facts, and no number of them is infinite."""

    model_config = ConfigDict(allow_inf_nan=False)


class InputFacts(Record):
    """What the graph's input `pixels` is: (n, size, size, 3) uint8 RGB; normalisation happens inside the graph.

    A picture is made upright and RGB, then resized to the square by `resample`, aspect ratio not kept. Inside the graph
    each channel becomes (value - mean) / std, on the 0 to 255 scale.
    """

    size: int = Field(ge=1)
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    resample: Literal["lanczos"] = "lanczos"


class BackboneFacts(Record):
    """The frozen network inside the graph."""

    name: str
    sha256: str
    licence: str


class Calibration(Record):
    """The temperature by which the scores are divided before the softmax, inside the graph.

    It was fitted on out-of-sample predictions of `n` photos under `protocol`; 1 leaves the scores as they are.
    """

    temperature: float = Field(gt=0)
    n: int
    protocol: str


class ConformalLevel(Record):
    """The thresholds of the prediction sets of one coverage.

    A set holds the most probable class, and each class whose probability p has 1 - p <= its threshold; a class whose
    threshold is None had too few photos to be ruled out, and is in every set. `n` counts the calibration photos;
    `mean_size` is the mean number of classes in their sets, `singletons` the share of sets of one class.
    `singletons_right` counts those of them that held the true class, and `singletons_ci` is the 95 % Wilson interval of
    that share. `sure` tells whether an answer whose set has one class may be called sure: the whole interval reaches
    the coverage. Older bundles do not say, and are never sure.
    """

    coverage: float = Field(gt=0, lt=1)
    thresholds: dict[str, float | None]
    n: int
    mean_size: float
    singletons: float
    singletons_right: int | None = None
    singletons_ci: tuple[float, float] | None = None
    sure: bool = False


class Conformal(Record):
    """Thresholds of prediction sets by coverage, and which of them answers when none is asked for."""

    method: str
    protocol: str
    default: float
    levels: tuple[ConformalLevel, ...] = Field(min_length=1)


class ErrorRate(Record):
    """Mistakes of a rule on `n` pictures, with the 95 % Wilson interval of their share."""

    pictures: str
    wrong: int
    n: int
    rate: float
    rate_ci: tuple[float, float]


class PetRule(Record):
    """When a picture is held to show no pet.

    `animal_mass` is the probability that the backbone's own head gives to all groups of pets; `distance` is the mean
    cosine distance of the features to those of the `nearest` training photos. A picture shows a pet if its mass is at
    least `min_mass`, and its distance at most `max_distance`.
    """

    min_mass: float
    max_distance: float
    nearest: int
    missed: ErrorRate
    accepted: ErrorRate


class UnlikeRule(Record):
    """When a picture is unlike what was learned from, so that no figure speaks of it.

    `distance` is the mean cosine distance of its features to those of the `nearest` kept training photos; beyond
    `max_distance` a picture is unlike them. So many that `share` of `n` photos that took no part in training lie
    within: photos of each source left out where there are several (`sources`), else of the one source.
    """

    max_distance: float
    nearest: int = Field(ge=1, le=1000)
    share: float = Field(gt=0, lt=1)
    n: int
    sources: int


class Quality(Record):
    """Below which measures a photo earns a warning: the lowest hundredth of the `n` training photos.

    `sharpness` is the standard deviation of the Laplacian of the grey picture at the model's input size; `brightness`
    is its mean on the 0 to 255 scale. A picture whose shorter side is under `min_side` pixels is tiny: it has to be
    enlarged to twice its size or more.
    """

    min_side: int
    min_sharpness: float
    min_brightness: float
    n: int


class DataFacts(Record):
    """What the model was trained on; `sha256` covers content, label, split and family of every image.

    `photos` counts families: a photo and everything derived from it is one. `fitted` counts those that the weights saw.
    """

    name: str
    sha256: str
    images: int
    photos: int
    fitted: int
    photos_by_class: dict[str, int]


class LicenceNote(Record):
    """The licence of one thing that went into the model."""

    what: str
    licence: str


class StandingFacts(Record):
    """One candidate of a search for a method.

    `accuracy` of `n` photos by cross-validation grouped by photo, with a 95 % interval by resampling photos; `chosen`
    in so many of the outer folds, by the photos inside them. `not_exported` says why it can be no bundle, if so.
    """

    name: str
    title: str
    accuracy: float
    accuracy_ci: tuple[float, float]
    macro_f1: float
    n: int
    seconds: float
    chosen: int
    not_exported: str | None = None


class VersusFacts(Record):
    """What the choice is worth beside a frozen baseline, on the same `n` photos under the same protocol.

    `difference` is the nested accuracy minus the baseline's, with its 95 % interval and McNemar's exact
    `p`: the interval excludes 0 exactly where `p` is below 0.05; `beats` whether it lies above 0.
    """

    baseline: str
    baseline_accuracy: float
    nested_accuracy: float
    n: int
    difference: float
    difference_ci: tuple[float, float]
    p: float
    beats: bool
    verdict: str


class SearchFacts(Record):
    """How a method was chosen.

    `winner` is what the bundle holds. `standings` are the candidates by accuracy; `not_reached` those for which the
    budget was too short, `lacking` those that needed something that was not at hand (name, what). `versus` compares
    choosing, at its honest price, with the frozen baseline; None where there was nothing to choose.
    """

    winner: str
    protocol: str
    budget_seconds: float
    standings: tuple[StandingFacts, ...]
    not_reached: tuple[str, ...]
    lacking: dict[str, str]
    versus: VersusFacts | None


class NeighbourList(Record):
    """The file with features and labels of the training photos, of which `n` are kept."""

    file: str
    sha256: str
    n: int


class MemoryFacts(Record):
    """The file by which copies of training photos are recognised without their pictures.

    `n` photos are kept, and the digests of their `files`.
    """

    file: str
    sha256: str
    n: int
    files: int


class Spread(Record):
    """Quantiles of one measure over the training photos, in the order of `shares`."""

    shares: tuple[float, ...]
    values: tuple[float, ...]


class TrainingSummary(Record):
    """What the `n` photos were like that the weights saw, so that other data can be told apart from them.

    `measures` has the spread of each measure of `petmood.audit` by name; `species` the photos of each kind of animal,
    None where they were not known. `distance` is the spread of the mean cosine distance of a photo's features to those
    of the nearest of other photos; None where the bundle keeps no features.
    """

    n: int
    measures: dict[str, Spread]
    species: dict[str, int] | None = None
    distance: Spread | None = None


class SourceFacts(Record):
    """One of several data sets that a model was trained on, and what a model of the others alone reads of it.

    `balanced` is the mean recall over the `classes` that it holds, of `n` photos, by a model that saw no photo of this
    source; `species_alone` is the same by species and nothing else, and `species_own` by species as this source itself
    teaches it, in grouped folds: what a model that knew its habits could guess from the animal; None where it has too
    few photos for folds. `angry_cats` is the rule that cats are angry and dogs happy; None without such moods. `held`
    says how often prediction sets, calibrated without this source, held the label there, by stated coverage. `terms` is
    what is known of its licence.
    """

    name: str
    sha256: str
    photos: int
    photos_by_class: dict[str, int]
    terms: str
    n: int
    classes: tuple[str, ...]
    balanced: float
    balanced_ci: tuple[float, float]
    species_alone: float
    species_alone_ci: tuple[float, float]
    species_own: float | None = None
    species_own_ci: tuple[float, float] | None = None
    angry_cats: float | None = None
    angry_cats_ci: tuple[float, float] | None = None
    held: dict[str, int]


class MatrixCell(Record):
    """What a model of some sources is worth on one, in balanced accuracy of n photos.

    `kind` is "left out" (trained on all others), "in source" (grouped folds) or "one to one".
    """

    kind: str
    trained_on: tuple[str, ...]
    judged_on: str
    n: int
    guessing: float
    balanced: float
    balanced_ci: tuple[float, float]


class SourcesFacts(Record):
    """What was found over sources left out.

    `left_out_files` were not trained on: another file shows the same photo. `why_not_sure` says why no answer is
    called sure; "" where some may be. `matrix` has each source left out, in its own folds, and each pair; older bundles
    lack it.
    """

    sources: tuple[SourceFacts, ...] = Field(min_length=2)
    left_out_files: tuple[str, ...]
    protocol: str
    why_not_sure: str
    matrix: tuple[MatrixCell, ...] = ()


class ModelDescription(Record):
    """The whole of model.json.

    `kind` is how the model was trained: "head" (on frozen features), "cnn1", "cnn2" or another name of a recipe.
    `maps` tells whether the graph gives class activation maps, `imagenet` whether it gives ImageNet scores.
    `backbone` is the frozen network, or the first of several, then all in `backbones`. `search` tells how the method
    was chosen, if it was. `features` is the length of the feature vector. `graph_sha256`, `neighbours` and `memory` are
    filled in when it is saved. `training` says what the training photos were like, and `unlike` what is unlike them;
    None in older bundles. `sources` tells of each of several data sets that it learned from; None where there was one.
    """

    schema_version: Literal[1] = Field(default=SCHEMA_VERSION, alias="schema")
    petmood: str
    kind: str
    title: str
    classes: tuple[str, ...] = Field(min_length=2)
    input: InputFacts
    features: int = Field(ge=1)
    maps: bool
    imagenet: bool
    graph_sha256: str = ""
    backbone: BackboneFacts | None
    backbones: tuple[BackboneFacts, ...] = ()
    search: SearchFacts | None = None
    calibration: Calibration
    conformal: Conformal | None
    pet: PetRule | None
    quality: Quality | None
    unlike: UnlikeRule | None = None
    neighbours: NeighbourList | None = None
    memory: MemoryFacts | None = None
    training: TrainingSummary | None = None
    sources: SourcesFacts | None = None
    data: DataFacts
    evaluation: tuple[ModelFacts, ...]
    licences: tuple[LicenceNote, ...]
    settings: dict[str, str | int | float | bool] = Field(default_factory=dict)
