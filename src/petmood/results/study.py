"""The reference study replicated: what its own sections show and `Results` does not hold elsewhere."""

from __future__ import annotations

from typing import Literal

from petmood.results.base import Fact, Interval


class ArrayShape(Fact):
    """Shape of the array of prepared images of one class in one split: (n, height, width, 3)."""

    split: str
    class_name: str
    shape: tuple[int, int, int, int]


class EdaFacts(Fact):
    """What the study's first look at the data finds, from the data.

    `lowest` and `highest` are over all prepared pixels; `corner` holds the first rows and columns of `first_image`.
    `colour_mean` and `colour_sd` are of the mean red, green and blue of each photo, over `photos` photos. `species`
    counts photos by their most probable species as the head of `species_backbone` reads them.
    """

    target_size: tuple[int, int]
    target_from: str
    resized: dict[str, int]
    shapes: tuple[ArrayShape, ...]
    lowest: float
    highest: float
    first_image: str
    corner: tuple[tuple[tuple[float, float, float], ...], ...]
    photos: int
    colour_mean: tuple[float, float, float]
    colour_sd: tuple[float, float, float]
    species: dict[str, int]
    species_backbone: str


class StudyBackbone(Fact):
    """A backbone used, and how. `stands_in_for` names the study's network where its own weights were not at hand."""

    name: str
    title: str
    stands_in_for: str | None
    note: str
    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    shapes: dict[str, tuple[int, ...]]


class KmeansSeeds(Fact):
    """K-means with other seeds: for each seed the sizes by split, largest first; and purity and NMI on train.

    `top_share` is the share of the commonest class in the purest cluster of at least 5 % of the split's images.
    """

    name: str
    seeds: tuple[int, ...]
    sizes: dict[str, tuple[tuple[int, ...], ...]]
    purity: tuple[float, ...]
    nmi: tuple[float, ...]
    top_share: dict[str, tuple[float, ...]]


class TrainingFacts(Fact):
    """One training of a network: how it ended, and the images of valid and photos of test that it got right."""

    network: str
    seed: int
    size: int
    epochs_run: int
    kept_epoch: int
    stopped_early: bool
    train_accuracy: float
    valid_correct: int
    n_valid: int
    test_correct: int
    n_test: int


class TuningRow(Fact):
    """One clustering found without labels, on `dim` features of train, and how well it is separated.

    `stability` is the mean ARI between clusterings of pairs of random halves of the photos, applied to all. `nmi`,
    `purity` and `species_nmi` compare with mood and species afterwards and chose nothing. `k` is None where the method
    finds it; `unclustered` is the share of images that it leaves out.
    """

    method: str
    reduction: str
    dim: int
    k: int | None
    clusters: int
    silhouette: float | None
    calinski_harabasz: float | None
    stability: float | None
    unclustered: float
    nmi: float
    purity: float
    species_nmi: float


class Tuning(Fact):
    """Clustering tuned without labels: all that was tried, and the k of k-means that each criterion picks."""

    backbone: str
    n: int
    rows: tuple[TuningRow, ...]
    best_k: dict[str, int]


class MapPoint(Fact):
    """A photo in the plane; x and y run from 0 to 1."""

    path: str
    x: float
    y: float
    class_name: str
    species: str
    cluster: int


class FaceMap(Fact):
    """The photos in two dimensions: photos that look alike to the backbone lie close together."""

    method: str
    backbone: str
    perplexity: float
    seed: int
    points: tuple[MapPoint, ...]


class StudyRow(Fact):
    """A figure of the study beside ours, a value a seed.

    `interval` is the 95 % interval of our mean where it is a share of `n` images. `verdict` says whether the study's
    value equals ours ("equal"), lies inside our interval or else our range over seeds ("compatible"), outside
    ("different"), or cannot be compared ("not compared", and `why`).
    """

    section: str
    figure: str
    study: float
    ours: tuple[float, ...]
    mean: float | None
    low: float | None
    high: float | None
    interval: Interval | None
    n: int | None
    unit: Literal["count", "share", "value"]
    verdict: Literal["equal", "compatible", "different", "not compared"]
    why: str


class StudyFacts(Fact):
    """The reference study's sections, in its order."""

    same_data: bool
    epochs: int
    size: int
    pooling: str
    preprocess: tuple[str, ...]
    eda: EdaFacts
    backbones: tuple[StudyBackbone, ...]
    networks: tuple[NetworkFacts, ...]
    trainings: tuple[TrainingFacts, ...]
    kmeans_seeds: tuple[KmeansSeeds, ...]
    tuning: Tuning
    face_map: FaceMap
    comparison: tuple[StudyRow, ...]


class LayerRow(Fact):
    """One layer. `output_shape` is for one image, channels last; `params` counts moving statistics too."""

    name: str
    kind: str
    output_shape: tuple[int, ...]
    params: int
    trainable_params: int


class NetworkFacts(Fact):
    """A network for `input_shape` images and `n_classes` classes; its totals are the sums over `layers`."""

    name: str
    title: str
    input_shape: tuple[int, int, int]
    n_classes: int
    layers: tuple[LayerRow, ...]
    params: int
    trainable_params: int
    non_trainable_params: int
