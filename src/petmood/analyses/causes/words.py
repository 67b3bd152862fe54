"""Ranked causes in, the sentences of the report's last section out."""

from __future__ import annotations

from petmood.analyses.causes.facts import CauseFacts, CausesFacts
from petmood.report.wording import listing, plural, points


def ranking_sentence(facts: CausesFacts) -> str:
    """Which causes were shown to matter, from the largest."""
    shown = [cause for cause in facts.causes if cause.shown]
    if not shown:
        return f"On {plural(facts.n, 'photo')} none of {len(facts.causes)} causes was shown to matter."
    named = listing([f"{cause.title.lower()} ({points(cause.effect)} points)" for cause in shown])
    rest = [cause.title.lower() for cause in facts.causes if not cause.shown]
    tail = f" Not shown to matter here: {listing(rest)}." if rest else ""
    return f"Each cause was measured by an experiment of its own. From the largest effect: {named}.{tail}"


def effect(cause: CauseFacts) -> str:
    """The effect with its interval, in points; label noise that models cannot tell from their errors is a bound."""
    low, high = cause.effect_ci
    bound = "at most " if cause.name == "labels" and not cause.shown else ""
    return f"{bound}{points(cause.effect)} points ({points(low)} to {points(high)})"


def width(cause: CauseFacts, facts: CausesFacts) -> float:
    """Length of the bar in percent of the largest effect on the page, shown or not; 0 for effects below 0."""
    largest = max((c.effect for c in facts.causes), default=0.0)
    return 100 * min(1.0, max(0.0, cause.effect) / largest) if largest > 0 else 0.0
