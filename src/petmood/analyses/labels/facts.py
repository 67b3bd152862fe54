"""Labels in doubt: how many may be wrong, what that means for accuracy, and which photos to look at first."""

from __future__ import annotations

from petmood.results.base import Fact, Identity, Interval, Marked


class NeighbourFacts(Fact):
    """A photo that looks like another one: its path, label, and the cosine of standardised features."""

    path: str
    label: str
    similarity: float


class SuspectFacts(Fact):
    """A photo whose label is in doubt.

    `rank` is 1 for the most doubtful; `quality`, in [0, 1], is low where models trust the label little; `votes` of
    `models` models name `suggested` first. `p_given` and `p_suggested` are mean out-of-fold probabilities. `flagged`:
    the confident joint puts it off the diagonal. Neighbours are the photos of either label that look most like it.
    """

    rank: int
    path: str
    split: str
    given: str
    suggested: str
    quality: float
    p_given: float
    p_suggested: float
    votes: int
    models: int
    flagged: bool
    neighbours_given: tuple[NeighbourFacts, ...]
    neighbours_suggested: tuple[NeighbourFacts, ...]


class TwinFacts(Fact):
    """Two photos nearly the same to the backbone under different labels."""

    path_a: str
    label_a: str
    path_b: str
    label_b: str
    similarity: float


class LabelModel(Marked):
    """One of the models whose out-of-fold probabilities are used, and how often it agrees with the labels."""

    name: str
    accuracy: float
    accuracy_ci: Interval
    identity: Identity | None = None


class PlantedCheck(Fact):
    """A test of the ranking on this data: labels of some photos were changed on purpose, and looked for.

    `average_precision` is over the ranking; `precision` and `recall` over its first `changed` photos; chance has an
    average precision of `share`. `estimate_before` and `estimate_after` are the noise rates estimated without and with
    the changes.
    """

    changed: int
    share: float
    average_precision: float
    precision: float
    recall: float
    estimate_before: float
    estimate_after: float


class NoiseEstimate(Marked):
    """One way to estimate the share of wrong labels, and the ceiling on accuracy that follows.

    `method` is "confident-learning" (models against labels), "look-alikes" (labels of nearly the same photos against
    each other), "nearest-pairs" (of photos that are each other's nearest) or "reader" (a second reader against the
    labels); `n` counts photos, or pairs, and
    `differ` those whose readings differ. What each can and cannot tell is in the docs on labels.
    """

    method: str
    n: int
    differ: int
    rate: float
    rate_ci: Interval
    ceiling: float
    ceiling_ci: Interval


class LabelFacts(Marked):
    """What out-of-fold models say of the labels of n photos.

    `noise_rate` is the confident joint's share of wrong labels, with its 95 % interval; `ceiling` is 1 minus it: the
    accuracy against these labels of a reader who always sees the true class (label noise depends on the
    class alone, and models that are confident are right). `disagreement` is the share of photos that the mean of all
    models reads otherwise: model error and label noise together. `suspects` has the flagged photos, most doubtful
    first, at most `shown_limit`.
    `estimates` has the noise rate by each way that this data allows, the confident joint's first.
    """

    n: int
    protocol: str
    models: tuple[LabelModel, ...]
    flagged: int
    noise_rate: float
    noise_rate_ci: Interval
    ceiling: float
    ceiling_ci: Interval
    disagreement: float
    disagreement_ci: Interval
    by_class: dict[str, dict[str, int]]
    suspects: tuple[SuspectFacts, ...]
    shown_limit: int
    twins: tuple[TwinFacts, ...]
    twin_similarity: float
    check: PlantedCheck | None = None
    estimates: tuple[NoiseEstimate, ...] = ()
