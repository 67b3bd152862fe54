"""Backbones that petmood makes: what pre-training on outside images gave, and what int8 changes."""

from __future__ import annotations

from petmood.results.base import Fact, Interval
from petmood.results.comparison import PairedFacts


class SpeedFacts(Fact):
    """How many times the images a second of float32 int8 gets through: both prepared and inferred in turns.

    `speedup` is the median over `turns`, `speedup_range` the smallest and the largest of them.
    """

    speedup: float
    speedup_range: Interval
    turns: int
    images: int


class QuantisedFacts(Fact):
    """A backbone in float32 and in int8, on the same photos.

    In `comparison`, `accuracy` is that of logistic regression on int8 vectors and `reference_accuracy` that on
    float32 ones. `cosine_mean` and `cosine_low` are the mean and the lowest cosine similarity of a photo's vectors.
    """

    backbone: str
    name: str
    graph: str
    bytes_before: int
    bytes_after: int
    calibration_photos: int
    comparison: PairedFacts
    cosine_mean: float
    cosine_low: float
    speed: SpeedFacts


class PretrainFacts(Fact):
    """What a pre-training gave.

    `images` were trained on; `held_out` photos of which no copy was among them gave `accuracy` with its interval,
    over `classes`. `left_out` are images that resemble one of the data that is to be evaluated.
    """

    backbone: str
    classes: tuple[str, ...]
    images: int
    left_out: tuple[str, ...]
    held_out: int
    accuracy: float
    accuracy_ci: Interval
    epochs: int
    seed: int
