"""What may be wrong with single photos: counts of each issue, where it begins, and the photos that show it most."""

from __future__ import annotations

from petmood.results.base import Fact


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
