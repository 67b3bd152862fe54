"""Models compared on the same photos: paired tests, groups that cannot be told apart, and what is above species."""

from __future__ import annotations

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
