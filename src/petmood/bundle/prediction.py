"""What a bundle answers of one picture: the schema that the command, Python, the API and the page share."""

from __future__ import annotations

from typing import Literal

from petmood.bundle.headline import WORDS, say, share
from petmood.bundle.schema import Record
from petmood.detection import Box

Verdict = Literal["sure", "not-sure", "no-pet-face"]


class Caution(Record):
    """What makes a reading doubtful: `code` is tiny, blurred, dark, unlike (the training photos) or undetected."""

    code: str
    message: str


class PetCheck(Record):
    """Whether the picture shows a pet, and the two measures that say so (see the rule in the bundle's model.json)."""

    pet: bool
    animal_mass: float
    distance: float


class SureRate(Record):
    """How often answers that were as sure were right, of `n` photos that the model had not seen: `right` of them.

    `low` and `high` are the 95 % Wilson interval of the share; `stated` is the rate that the whole of it reaches.
    """

    right: int
    n: int
    low: float
    high: float
    stated: float


class Prediction(Record):
    """The reading of one picture.

    Attributes:
        source: the path or name by which the picture was given.
        width, height: of the picture, or of its part in `box`, in pixels, upright.
        verdict: "no-pet-face" if the picture seems to show no pet; else "sure" if the prediction set has one class
            alone, the model was found to be right often enough to say so, and the picture is not unlike its training
            photos; else "not-sure".
        rate: how often such answers were right; None unless it is sure.
        mood: the most probable class, whatever the verdict.
        probability: of that class.
        probabilities: calibrated, by class; they sum to 1.
        prediction_set: the classes that cannot be ruled out at `coverage`, most probable first. None where the bundle
            has no conformal thresholds.
        coverage: how often such sets hold the true label; None as above.
        species: the most probable group of species, and `species_probabilities` of all; None without an ImageNet head.
        pet: None where the bundle cannot tell.
        cautions: what makes the reading doubtful.
        box: the part of the picture that was read, where a detector was asked for animals and found this one.
    """

    source: str
    width: int
    height: int
    verdict: Verdict
    rate: SureRate | None = None
    mood: str
    probability: float
    probabilities: dict[str, float]
    prediction_set: tuple[str, ...] | None
    coverage: float | None
    species: str | None
    species_probabilities: dict[str, float] | None
    pet: PetCheck | None
    cautions: tuple[Caution, ...]
    box: Box | None = None

    @property
    def sentence(self) -> str:
        """The answer for people: one sentence, without the cautions."""
        values = {"mood": self.mood, "share": share(self.probability)}
        if self.verdict == "not-sure" and self.prediction_set is not None:
            return say("sentence.not-sure-set", set=WORDS["or"].join(self.prediction_set), **values)
        if self.verdict == "sure" and self.rate is not None:
            return say("sentence.sure-rate", right=self.rate.right, n=self.rate.n, low=share(self.rate.low), **values)
        return say(f"sentence.{self.verdict}", **values)


class Unreadable(Record):
    """A picture that could not be read, and why."""

    source: str
    error: str


class ClipReading(Record):
    """The reading of a whole video, pooled over its frames.

    Attributes:
        source: the path by which the video was given.
        frames: frames that were read; `frames_with_pet` of them showed a pet, as far as the model can tell.
        seconds: from the first to the last frame.
        mood: the class of the highest pooled probability.
        probabilities: mean over the frames that show a pet (over all where none does), by class.
        intervals: 95 % of each, by resampling runs of neighbouring frames; None for fewer than four frames.
        shares: share of those frames whose most probable class it is, by class.
    """

    source: str
    frames: int
    frames_with_pet: int
    seconds: float
    mood: str
    probabilities: dict[str, float]
    intervals: dict[str, tuple[float, float]] | None
    shares: dict[str, float]

    @property
    def sentence(self) -> str:
        """The answer for people, in one sentence."""
        low, high = (self.intervals or {}).get(self.mood, (0.0, 1.0))
        if not self.frames_with_pet:
            return f"No pet face in any of {self.frames} frames, as far as this model can tell."
        doubt = f", 95 % interval {low:.0%} to {high:.0%}" if self.intervals else ""
        return (
            f"{self.mood} on the whole ({self.probabilities[self.mood]:.0%}{doubt}; most likely in "
            f"{self.shares[self.mood]:.0%} of {self.frames_with_pet} frames with a pet)."
        )


class Neighbour(Record):
    """A training photo: its path in the training data, its label, and its cosine distance to the picture (0 to 2).

    `index` is its row in the bundle's neighbours.
    """

    index: int
    path: str
    label: str
    distance: float


class Answer(Record):
    """What `petmood predict --json` and the API give: readings in order, and what was unreadable."""

    model: str
    predictions: tuple[Prediction, ...]
    clips: tuple[ClipReading, ...] = ()
    errors: tuple[Unreadable, ...]
