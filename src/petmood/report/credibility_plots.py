"""Calibration and abstention facts in, small SVG charts out, drawn in the page's own colours."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from markupsafe import Markup

from petmood.report.wording import count, percent, printable
from petmood.results import AbstainPoint, ReliabilityFacts

_WIDTH, _HEIGHT = 410, 300
_LEFT, _RIGHT, _TOP, _BASE = 52, 396, 14, 250

INK, SOFT, LINE, ACCENT = "var(--ink)", "var(--ink-soft)", "var(--line)", "var(--accent)"


class ShareChart:
    """A plot of shares against shares, both from 0 to 1, as SVG elements."""

    def __init__(self, across: str, up: str, right: float = 1.0, ticks: Sequence[tuple[float, str]] = ()) -> None:
        self.right = right
        self.parts: list[str] = []
        for k in range(6):
            share = k / 5
            self.line((0, share), (right, share), LINE, 1)
            self.text(_LEFT - 8, self.y(share) + 4, percent(share, 0), "end", SOFT)
        for at, label in ticks or [(k / 5, percent(k / 5, 0)) for k in range(6)]:
            self.text(self.x(at), _BASE + 20, label, "middle", SOFT)
        self.text((_LEFT + _RIGHT) / 2, _BASE + 42, across, "middle", SOFT)
        middle = (_TOP + _BASE) / 2
        self.parts.append(
            f'<text transform="translate(12 {middle:g}) rotate(-90)" text-anchor="middle" '
            f'fill="{SOFT}" font-size="12">{escape(up)}</text>'
        )

    def x(self, value: float) -> float:
        """Where a share across lies."""
        return round(_LEFT + (_RIGHT - _LEFT) * value / self.right, 2)

    def y(self, value: float) -> float:
        """Where a share up lies."""
        return round(_BASE - (_BASE - _TOP) * value, 2)

    def line(self, a: tuple[float, float], b: tuple[float, float], colour: str, width: float, dash: str = "") -> None:
        """A line between two points, in shares."""
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(
            f'<line x1="{self.x(a[0])}" y1="{self.y(a[1])}" x2="{self.x(b[0])}" y2="{self.y(b[1])}" '
            f'stroke="{colour}" stroke-width="{width:g}"{dashed} />'
        )

    def text(self, x: float, y: float, text: str, anchor: str, colour: str) -> None:
        """Text at a place of the drawing."""
        self.parts.append(
            f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="{colour}" font-size="12">{escape(text)}</text>'
        )

    def point(self, x: float, y: float, interval: tuple[float, float], radius: float) -> None:
        """A dot with its interval."""
        self.line((x, interval[0]), (x, interval[1]), ACCENT, 2)
        self.parts.append(f'<circle cx="{self.x(x)}" cy="{self.y(y)}" r="{radius:g}" fill="{ACCENT}" />')

    def path(self, points: Sequence[tuple[float, float]]) -> None:
        """Points joined by a line."""
        where = " ".join(f"{self.x(x)},{self.y(y)}" for x, y in points)
        self.parts.append(f'<polyline points="{where}" fill="none" stroke="{ACCENT}" stroke-width="2" />')

    def svg(self, label: str) -> Markup:
        """The chart, with its text equivalent."""
        return Markup(  # every text in it is escaped above
            f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" aria-label="{escape(printable(label))}" '
            f'width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}">{"".join(self.parts)}</svg>'
        )


def reliability(bins: Sequence[ReliabilityFacts]) -> Markup:
    """Hit rate against stated probability with 95 % intervals; a dot's area grows with its photos."""
    chart = ShareChart("probability that the model states", "share of photos it gets right")
    chart.line((0, 0), (1, 1), SOFT, 1.2, "4 3")
    most = max(b.n for b in bins)
    for b in bins:
        chart.point(b.confidence, b.accuracy, b.accuracy_ci, 2.5 + 5 * (b.n / most) ** 0.5)
    said = "; ".join(f"{percent(b.confidence, 0)} stated, {percent(b.accuracy, 0)} right of {count(b.n)}" for b in bins)
    return chart.svg(f"Reliability diagram: {said}.")


def abstention(points: Sequence[AbstainPoint]) -> Markup:
    """Accuracy on what is answered against the share that is answered, with 95 % intervals."""
    chart = ShareChart("share of photos answered, the surest first", "share of answers that are right")
    chart.path([(p.answered, p.accuracy) for p in points])
    for p in points:
        chart.point(p.answered, p.accuracy, p.accuracy_ci, 4)
    said = "; ".join(f"{percent(p.answered, 0)} answered, {percent(p.accuracy, 0)} right" for p in points)
    return chart.svg(f"Accuracy by share answered: {said}.")
