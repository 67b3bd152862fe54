"""The leakage meter: the same models under splits that leak and ones that do not, beside controls."""

from __future__ import annotations

from petmood.results.base import Fact, Identity, Interval, Marked


class LeakageFigure(Marked):
    """One subject (a model or a control) under one split.

    `n` predictions were counted, of `photos` distinct photos: a random split of files counts files, as those who use
    one do. `accuracy_ci` is a 95 % interval made by `ci_method`, which keeps the files of a photo together.
    """

    subject: str
    control: bool
    split: str
    n: int
    photos: int
    correct: int
    accuracy: float
    accuracy_ci: Interval
    ci_method: str
    identity: Identity


class SplitLeak(Marked):
    """Whether one split leaks.

    `chance` is the accuracy of always giving the most frequent class of training. `exposed` of the `n` evaluated items
    have a file of their own photo in training; `remembered` says that permuted labels are recognised better than by
    chance. `gap` is the accuracy of the best model under this split minus its
    accuracy under the grouped one, on the same photos, with a paired 95 % interval; None for the grouped split itself
    and for the test split, which evaluates other photos.
    """

    split: str
    n: int
    photos: int
    exposed: int
    chance: float
    remembered: bool
    leaks: bool
    gap: float | None
    gap_ci: Interval | None


class LeakageFacts(Fact):
    """What the meter shows. `allowed` is true if the run went on although its own split leaks."""

    allowed: bool
    figures: tuple[LeakageFigure, ...]
    splits: tuple[SplitLeak, ...]
