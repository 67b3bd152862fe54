"""Calibration and abstention facts in, charts of shares out: how often answers are right, with 95 % intervals."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup
from matplotlib.figure import Figure

from petmood.report.palette import ACCENT, SOFT
from petmood.report.plots import _render, _style
from petmood.report.wording import count, percent
from petmood.results import AbstainPoint, Interval, ReliabilityFacts

Point = tuple[float, float, Interval]
"""Where it lies across, its share, and the interval of that."""

FIFTHS = {k / 5: percent(k / 5, 0) for k in range(6)}


def shares(
    key: str,
    points: Sequence[Point],
    across: str,
    up: str,
    label: str,
    *,
    areas: Sequence[float] | None = None,
    ticks: dict[float, str] = FIFTHS,
    right: float = 1.0,
) -> Markup:
    """Shares with their intervals, joined by a line.

    Args:
        key: of the chart, unique on its page.
        points: what is shown.
        across: title of the horizontal axis.
        up: title of the vertical one, which goes from 0 to 1.
        label: what the chart says, for people who cannot see it.
        areas: of the points, which are then not joined: they are compared with the line on which both axes agree.
        ticks: marks of the horizontal axis.
        right: where that axis ends.
    """
    xs, ys, intervals = zip(*points, strict=True)
    lows, highs = zip(*intervals, strict=True)
    with _style():
        figure = Figure(figsize=(410 / 72, 300 / 72))
        axes = figure.add_axes((52 / 410, 50 / 300, 344 / 410, 236 / 300))
        axes.set(xlabel=across, ylabel=up, xlim=(0, right), ylim=(0, 1))
        axes.set_xticks(list(ticks), list(ticks.values()))
        axes.set_yticks(list(FIFTHS), list(FIFTHS.values()))
        axes.tick_params(length=0, pad=6, labelsize=12)
        axes.grid(axis="y", linewidth=1)
        axes.spines[:].set_visible(False)
        axes.vlines(xs, lows, highs, ACCENT, linewidth=2, clip_on=False)
        if areas is None:
            axes.plot(xs, ys, color=ACCENT, linewidth=2, marker="o", markersize=8, clip_on=False)
        else:
            axes.plot((0, 1), (0, 1), color=SOFT, linewidth=1.2, linestyle=(0, (4, 3)))
            axes.scatter(xs, ys, areas, ACCENT, linewidth=0, zorder=3, clip_on=False)
        return Markup(_render(figure, key, label))


def reliability(key: str, bins: Sequence[ReliabilityFacts]) -> Markup:
    """Hit rate against stated probability with 95 % intervals; a dot's area grows with its photos."""
    most = max(b.n for b in bins)
    said = "; ".join(f"{percent(b.confidence, 0)} stated, {percent(b.accuracy, 0)} right of {count(b.n)}" for b in bins)
    return shares(
        key,
        [(b.confidence, b.accuracy, b.accuracy_ci) for b in bins],
        "probability that the model states",
        "share of photos it gets right",
        f"Reliability diagram: {said}.",
        areas=[(5 + 10 * (b.n / most) ** 0.5) ** 2 for b in bins],
    )


def abstention(points: Sequence[AbstainPoint]) -> Markup:
    """Accuracy on what is answered against the share that is answered, with 95 % intervals."""
    said = "; ".join(f"{percent(p.answered, 0)} answered, {percent(p.accuracy, 0)} right" for p in points)
    return shares(
        "abstention",
        [(p.answered, p.accuracy, p.accuracy_ci) for p in points],
        "share of photos answered, the surest first",
        "share of answers that are right",
        f"Accuracy by share answered: {said}.",
    )
