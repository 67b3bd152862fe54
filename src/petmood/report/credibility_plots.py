"""Calibration and abstention facts in, charts of shares out: how often answers are right, with 95 % intervals."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from petmood.report.plots import shares
from petmood.report.wording import count, percent
from petmood.results import AbstainPoint, ReliabilityFacts


def reliability(key: str, bins: Sequence[ReliabilityFacts]) -> Markup:
    """Hit rate against stated probability with 95 % intervals; a dot's area grows with its photos."""
    most = max(b.n for b in bins)
    said = "; ".join(f"{percent(b.confidence, 0)} stated, {percent(b.accuracy, 0)} right of {count(b.n)}" for b in bins)
    return Markup(
        shares(
            key,
            [(b.confidence, b.accuracy, b.accuracy_ci) for b in bins],
            "probability that the model states",
            "share of photos it gets right",
            f"Reliability diagram: {said}.",
            areas=[(5 + 10 * (b.n / most) ** 0.5) ** 2 for b in bins],
        )
    )


def abstention(points: Sequence[AbstainPoint]) -> Markup:
    """Accuracy on what is answered against the share that is answered, with 95 % intervals."""
    said = "; ".join(f"{percent(p.answered, 0)} answered, {percent(p.accuracy, 0)} right" for p in points)
    return Markup(
        shares(
            "abstention",
            [(p.answered, p.accuracy, p.accuracy_ci) for p in points],
            "share of photos answered, the surest first",
            "share of answers that are right",
            f"Accuracy by share answered: {said}.",
        )
    )
