"""Runs, bundles and evaluations compared: what differs between them, and figures on the photos that they share."""

from __future__ import annotations

from typing import Literal

from petmood.results.base import Fact, Interval, Marked


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
