"""A search for hyperparameters: its trials, which choices mattered, and the winner judged once on test."""

from __future__ import annotations

from petmood.results.base import Fact
from petmood.results.models import ModelFacts

Choice = str | int | float | bool


class TrialFacts(Fact):
    """One trial. `loss` is its mean cross-entropy on held-out photos, None if it was pruned before it ended.

    `accuracy` is on the same photos; `epochs` the mean best epoch of its trainings, None for heads.
    """

    number: int
    state: str
    loss: float | None
    accuracy: float | None
    epochs: float | None
    params: dict[str, Choice]


class TuneFacts(Fact):
    """The whole search. `n_held_out` photos made each loss; none of test did. `importance` shares out the variance.

    `size` and `epochs` (of each training, at most) are those of networks, None for heads.
    """

    model: str
    objective: str
    seed: int
    size: int | None
    epochs: int | None = None
    n_held_out: int
    trials: tuple[TrialFacts, ...]
    best: int
    importance: dict[str, float]
    winner: ModelFacts
