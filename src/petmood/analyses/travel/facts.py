"""What a model trained on some sources is worth on another: figures, each with its n and interval."""

from __future__ import annotations

from petmood.results.base import Fact, Interval, Marked


class TravelSource(Fact):
    """One source: its photos, once each, and how many of each mood."""

    name: str
    photos: int
    by_class: dict[str, int]


class TravelCell(Marked):
    """What a `subject` that was trained on some sources is worth on one, in balanced accuracy over its moods.

    `kind` is "left out" (trained on all other sources), "in source" (grouped folds of the source itself) or "one to
    one" (on one other). `n` photos were judged and `n_train` trained on; `removed` are files of the sources trained on
    that stayed out because they show a judged photo. Moods that the source lacks are no answers there, so `guessing`
    is 1 / its number of moods.
    """

    subject: str
    kind: str
    trained_on: tuple[str, ...]
    judged_on: str
    n: int
    n_train: int
    removed: int
    guessing: float
    balanced: float
    balanced_ci: Interval
    accuracy: float
    accuracy_ci: Interval


class TravelChoice(Marked):
    """Which head the other sources chose for one that is left out, and its balanced accuracy there."""

    judged_on: str
    chosen: str
    n: int
    balanced: float
    balanced_ci: Interval


class TravelCertainty(Fact):
    """How far stated certainty held on a source that took no part in it.

    `how` is "left out" (calibrated over other sources, each left out in turn), "one source" (calibrated on one, then
    widened) or "usual" (calibrated by grouped folds of the sources trained on). `held` counts photos whose set of the
    stated coverage holds the label; `size` is moods a set. Of `sure` answers called sure, `right` were right.
    """

    how: str
    trained_on: tuple[str, ...]
    judged_on: str
    n: int
    held: dict[str, int]
    size: dict[str, float]
    sure: int
    right: int


class TravelUnlike(Fact):
    """Of a source left out, the photos of one level of unlikeness to the training photos, and right answers there."""

    judged_on: str
    level: str
    photos: int
    n: int
    right: int


class TravelFacts(Fact):
    """Sources, the copies they share, the matrix of the `model`, controls beside it, certainty and unlikeness.

    With one source nothing but the source is here: the question was not asked. `why_not` says why several could not be
    compared. `copies` lists the files of each photo that stands in more than one source, as NUMBER/PATH. `heads`,
    `chosen`, `tried` and the certainty of pairs are there only where they were asked for.
    """

    backbone: str
    seed: int
    ci_method: str
    model: str
    sources: tuple[TravelSource, ...]
    why_not: str = ""
    copies: tuple[tuple[str, ...], ...] = ()
    cells: tuple[TravelCell, ...] = ()
    controls: tuple[TravelCell, ...] = ()
    heads: tuple[TravelCell, ...] = ()
    chosen: tuple[TravelChoice, ...] = ()
    tried: tuple[TravelCell, ...] = ()
    certainty: tuple[TravelCertainty, ...] = ()
    unlike: tuple[TravelUnlike, ...] = ()

    def left_out(self) -> tuple[TravelCell, ...]:
        """The model on each source left out."""
        return tuple(c for c in self.cells if c.kind == "left out")
