"""Why accuracy is what it is: causes ranked by what each was measured to do."""

from __future__ import annotations

from typing import Literal

from petmood.results.base import Identity, Interval, Marked

CauseName = Literal["labels", "species", "photos", "resolution", "preprocessing", "model"]


class CauseFacts(Marked):
    """One cause and its experiment.

    `effect` is in accuracy (0.05 is 5 points) and positive where the cause matters: what
    taking species out costs, the share of labels in doubt, what the second half of the photos, full resolution, right
    preprocessing or the best other model bring. `effect_ci` is its 95 % interval made by `ci_method` over `n` photos.
    `shown` is true if the interval lies above 0; for labels, only if also the models disagree with clearly more labels
    than they doubt, since else their errors cannot be told from wrong labels. `values` are what the experiment gave, by
    name; `choice` is the way of taking species out, or the model, that did best.
    """

    name: CauseName
    effect: float
    effect_ci: Interval
    ci_method: str
    n: int
    protocol: str
    shown: bool
    choice: str
    values: dict[str, float]


class CausesFacts(Marked):
    """Causes from largest to smallest effect, those that were shown first."""

    backbone: str
    accuracy: float
    accuracy_ci: Interval
    n: int
    protocol: str
    causes: tuple[CauseFacts, ...]
    identity: Identity | None = None
