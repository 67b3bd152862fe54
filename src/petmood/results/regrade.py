"""Published claims graded again: what was claimed, what its protocol gives with our features, and what is honest."""

from __future__ import annotations

from petmood.results.base import Fact, Interval


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
