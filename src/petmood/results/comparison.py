"""Models compared on the same photos: paired tests, groups that cannot be told apart, and what is above species."""

from __future__ import annotations

from typing import Literal

from petmood.results.base import Fact, Identity, Interval, Marked


class PairFacts(Marked):
    """Two models on the same `n` photos: `difference` is the accuracy of `a` minus that of `b`.

    `only_a` and `only_b` count photos that one alone got right; `p` is of McNemar's exact test on these; `p_holm` and
    `difference_ci` are corrected together over the pairs of the leaderboard (Holm), so that the interval excludes 0
    exactly where `differ`.
    """

    a: str
    b: str
    n: int
    difference: float
    difference_ci: Interval
    only_a: int
    only_b: int
    p: float
    p_holm: float
    differ: bool


class Rank(Marked):
    """One line of a leaderboard. No two models that share a number in `groups` can be told apart."""

    name: str
    title: str
    baseline: bool
    accuracy: float
    accuracy_ci: Interval
    groups: tuple[int, ...]


class Leaderboard(Fact):
    """All models and baselines under one protocol, best first, compared pair by pair on the same `n` photos."""

    protocol: str
    n: int
    ranks: tuple[Rank, ...]
    pairs: tuple[PairFacts, ...]


class AboveSpecies(Marked):
    """What a model knows beyond the kind of animal: its accuracy minus that of species alone, on the same photos.

    It is a pair of the leaderboard: `p` and `difference_ci` are corrected as there, for `comparisons` of them.
    """

    model: str
    title: str
    protocol: str
    n: int
    accuracy: float
    species_accuracy: float
    difference: float
    difference_ci: Interval
    p: float
    comparisons: int = 1

    @property
    def differ(self) -> bool:
        """Whether the two can be told apart: the interval excludes 0."""
        return self.difference_ci[0] > 0 or self.difference_ci[1] < 0


class ComparisonFacts(Fact):
    """Leaderboards, one a protocol, and each model against species alone."""

    leaderboards: tuple[Leaderboard, ...]
    above_species: tuple[AboveSpecies, ...]


class PairedFacts(Marked):
    """Two ways of predicting the same n photos under one protocol: both accuracies, and their paired difference.

    `gain` is `accuracy` minus `reference_accuracy`; `gain_ci` its 95 % interval, which excludes 0 exactly
    where `p`, that of McNemar's exact test, is below 0.05. Both are corrected for `comparisons`.
    """

    name: str
    reference: str
    protocol: str
    n: int
    accuracy: float
    accuracy_ci: Interval
    reference_accuracy: float
    gain: float
    gain_ci: Interval
    p: float
    comparisons: int = 1
    identity: Identity | None = None
    reference_identity: Identity | None = None


class Subject(Fact):
    """One of what is compared: a run, a bundle or an evaluation, by the path that the user gave.

    `modified` is when its file was written, ISO 8601 in UTC; the figure is the one that says best how good it is, None
    where it has none.
    """

    path: str
    kind: Literal["run", "bundle", "evaluation"]
    data: str
    data_digest: str
    photos: int
    classes: tuple[str, ...]
    petmood: str
    modified: str
    title: str = ""
    protocol: str = ""
    n: int = 0
    accuracy: float | None = None
    accuracy_ci: Interval | None = None
    macro_f1: float | None = None


class Setting(Fact):
    """One thing that may differ: its value for each subject, in their order; None where a subject does not say."""

    name: str
    values: tuple[str | None, ...]
    differs: bool


class FigureRow(Marked):
    """One model of one subject under one protocol."""

    subject: int
    model: str
    title: str
    protocol: str
    n: int
    accuracy: float
    accuracy_ci: Interval
    macro_f1: float


class PairedDifference(Marked):
    """Two subjects' models under one protocol on the `n` photos that both predicted: accuracy of `a` minus that of `b`.

    `relabelled` counts shared photos whose labels differ; each is judged by its own. `p_adjusted` and `difference_ci`
    are corrected together over all pairs (Holm), so that the interval excludes 0 exactly where `differ`.
    """

    a: int
    b: int
    model_a: str
    model_b: str
    protocol: str
    n: int
    relabelled: int
    accuracy_a: float
    accuracy_b: float
    difference: float
    difference_ci: Interval
    only_a: int
    only_b: int
    p: float
    p_adjusted: float
    differ: bool


class NotPaired(Fact):
    """Two subjects that cannot be compared photo by photo, and why."""

    a: int
    b: int
    reason: str


class DifferenceFacts(Fact):
    """The whole of comparison.json; numbers of subjects count from 0 in the order given."""

    petmood: str
    subjects: tuple[Subject, ...]
    settings: tuple[Setting, ...]
    figures: tuple[FigureRow, ...]
    pairs: tuple[PairedDifference, ...]
    not_paired: tuple[NotPaired, ...]


class RunList(Fact):
    """What `petmood runs list` found below a folder, by path; `unreadable` has what could not be read, and why."""

    folder: str
    runs: tuple[Subject, ...]
    unreadable: dict[str, str]
