"""The facts of a leaderboard: every method tried, what it scored with intervals, and what the choice is worth."""

from __future__ import annotations

from pydantic import Field

from petmood.results.base import Fact, Identity, Interval


class MethodScore(Fact):
    """One method.

    `grouped_accuracy` is the mean over `n` photos and `repeats` repeats of grouped cross-validation, each photo being
    predicted by models that saw nothing of its family; `grouped_accuracy_ci` is a 95 % interval by resampling photos.
    `test_accuracy` is of one fit on train and valid, on the `test_n` photos of test, with a 95 % interval; it chooses
    nothing. `vs_species` and `vs_frozen` are differences in grouped accuracy from the species-only and the frozen
    baseline on the same photos, with 95 % intervals and p-values by a paired randomisation test, both after Holm's
    correction over all methods. `seconds` is the time of fitting and predicting on one processor core, features at
    hand; `dim` the number of features read.
    """

    name: str
    title: str
    grouped_accuracy: float
    grouped_accuracy_ci: Interval
    grouped_macro_f1: float
    test_accuracy: float
    test_accuracy_ci: Interval
    n: int
    test_n: int
    repeats: int
    seconds: float
    dim: int
    command: str
    identity: Identity | None = None
    vs_species: float | None = None
    vs_species_ci: Interval | None = None
    vs_species_p: float | None = None
    vs_frozen: float | None = None
    vs_frozen_ci: Interval | None = None
    vs_frozen_p: float | None = None


class LeftOut(Fact):
    """A method that was not run, and what it needs."""

    name: str
    reason: str


class Choice(Fact):
    """What choosing the best method by its grouped score is worth.

    `apparent` is the winner's own score; `corrected`, with a 95 % interval, is what the choice gives on photos that did
    not choose (bootstrap bias-corrected cross-validation over all methods).
    """

    winner: str
    apparent: float
    corrected: float
    corrected_ci: Interval
    candidates: int


class LeaderboardFacts(Fact):
    """A leaderboard; `methods` stand from best to worst by grouped accuracy."""

    data: str
    data_sha256: str
    classes: tuple[str, ...]
    folds: int
    seed: int
    methods: tuple[MethodScore, ...]
    left_out: tuple[LeftOut, ...] = Field(default=())
    choice: Choice | None = None
