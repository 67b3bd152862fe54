"""What int8 changes about a backbone: accuracy on its vectors, the vectors themselves, size and speed."""

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
