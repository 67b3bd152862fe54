"""What an audit of a data set found: copies, labels that contradict each other, leaks, shortcuts."""

from __future__ import annotations

from typing import Literal

from petmood.results.base import Fact, Identity, Interval, Marked
from petmood.results.dataset import ClassCount, CopyPair, Duplicates, LabelConflict, Skipped, SplitFacts, Warn


class FamilySplit(Fact):
    """Photos of one split, and its files that derive from a photo."""

    photos: int
    derived: int


class FamilyFacts(Fact):
    """How many photos there are, how many files derive from them, and both by split."""

    photos: int
    derived: int
    by_split: dict[str, FamilySplit]


class AlikePair(Fact):
    """Two photos that are much alike, e.g. of one animal, though neither is made from the other."""

    path_a: str
    path_b: str
    features: int


class Shortcut(Marked):
    """How well one property of the files, which is no part of a face, predicts the class.

    `gain` is accuracy minus that of the commonest class under the same folds; `gain_ci` is a bootstrap over photos,
    widened for the number of properties that were tried. `verdict` is "predicts" where it lies above 0.
    """

    name: str
    n: int
    accuracy: float
    accuracy_ci: Interval
    majority: float
    gain: float
    gain_ci: Interval
    verdict: Literal["predicts", "unclear", "no"]
    identity: Identity | None = None


class QualityIssue(Fact):
    """One issue: how many images have it, where its measure becomes an issue, and the worst of them.

    `threshold` is None where nothing is measured (copies).
    """

    issue: str
    images: int
    threshold: float | None
    worst: tuple[str, ...]


class QualityFacts(Fact):
    """Issues of single photos; `with_issue` counts those with any of them but having copies."""

    images: int
    with_issue: int
    issues: tuple[QualityIssue, ...]


class AuditFacts(Fact):
    """Whether the data can be trusted. The first ten, and `quality`, are what `petmood audit --json` prints."""

    images: int
    photos: int
    classes: dict[str, ClassCount]
    splits: dict[str, SplitFacts]
    families: FamilyFacts
    duplicates: Duplicates
    conflicting_labels: tuple[LabelConflict, ...]
    rejected: tuple[Skipped, ...]
    ignored: tuple[Skipped, ...]
    warnings: tuple[Warn, ...]
    family_source: str
    straddling: tuple[str, ...]
    copies: tuple[CopyPair, ...]
    alike: tuple[AlikePair, ...]
    shortcuts: tuple[Shortcut, ...]
    quality: QualityFacts | None = None


AUDIT_KEYS = (*tuple(AuditFacts.model_fields)[:10], "quality")
"""Keys of an audit that `petmood audit --json` prints."""
