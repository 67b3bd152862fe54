"""The points of a learning curve in, a small SVG chart out."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from petmood.analyses.protocols.facts import CurvePoint
from petmood.report.credibility_plots import ShareChart
from petmood.report.wording import count, percent


def learning(points: Sequence[CurvePoint]) -> Markup:
    """Accuracy against the number of photos trained on, with 95 % intervals."""
    most = max(p.photos for p in points)
    ticks = [(p.photos, count(round(p.photos))) for p in points]
    chart = ShareChart("photos in training", "share of photos it gets right", 1.06 * most, ticks)
    chart.path([(p.photos, p.accuracy) for p in points])
    for p in points:
        chart.point(p.photos, p.accuracy, p.accuracy_ci, 4)
    said = "; ".join(f"{count(round(p.photos))} photos, {percent(p.accuracy, 1)}" for p in points)
    return chart.svg(f"Learning curve: {said}.")
