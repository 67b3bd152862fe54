"""Ranked causes in, the sentences of the report's last section out."""

from __future__ import annotations

from typing import Final

from petmood.analyses.causes.facts import CauseFacts, CausesFacts
from petmood.dataset.models import HEAD
from petmood.report.wording import count, listing, number, percent, plural, points

_TITLES: Final = {
    "labels": "Label noise",
    "species": "Species",
    "photos": "Number of photos",
    "resolution": "Resolution",
    "preprocessing": "Preprocessing",
    "model": "Model",
}
_ADVICE: Final = {
    "labels": "Look through the suspects, most doubtful first, and give corrections with --labels.",
    "species": "Add photos so that each species has every mood, and judge a model within species.",
    "photos": "Add photos, first of the classes and species that are rare.",
    "resolution": "Give larger pictures, with the face filling the frame.",
    "preprocessing": "Feed each network what it was trained with, as petmood does.",
    "model": "Use the better model; a larger one will not repair the data.",
}


def title(cause: CauseFacts) -> str:
    """A cause, for people."""
    return _TITLES[cause.name]


def advice(cause: CauseFacts) -> str:
    """What to do about it."""
    return _ADVICE[cause.name]


def experiment(cause: CauseFacts) -> str:
    """What was compared with what."""
    v = cause.values
    match cause.name:
        case "photos":
            return "all training photos minus half of them"
        case "resolution":
            return f"pictures of {v['pixels']:g} pixels minus pictures of {v['fewer_pixels']:g}"
        case "preprocessing":
            return "the network's own preprocessing minus plain pixels in [0, 1]"
        case "model":
            others = f"the best of {v['tried']:g} other classifiers ({cause.choice})"
            return f"{others} minus {HEAD} regression, on the same features"
        case "species":
            return f"features as they are minus features without species ({cause.choice}, which costs least)"
        case "labels":
            return (
                "share of labels in doubt by confident learning; the models' own errors count in it, so an upper bound"
            )


def finding(cause: CauseFacts) -> str:
    """What the experiment gave."""
    v = cause.values
    match cause.name:
        case "species":
            return (
                f"Species alone is right in {percent(v['species_right'])}; without species the features are right "
                f"in {percent(v['right_without'])}. Cramer's V of species and mood: {number(v['cramers_v'])}."
            )
        case "labels":
            told = (
                "."
                if cause.effect < v["disagreement_low"]
                else ", so wrong labels cannot be told from their own errors."
            )
            return (
                f"{count(int(v['flagged']))} of {plural(cause.n, 'photo')} are flagged; the models together read "
                f"{percent(v['disagreement'])} otherwise{told}"
            )
    named = {
        "photos": ("All photos", "half of them"),
        "resolution": (f"{v.get('pixels', 0):g} pixels", f"{v.get('fewer_pixels', 0):g} pixels"),
        "preprocessing": ("Its own preprocessing", "pixels in [0, 1]"),
        "model": (cause.choice.capitalize(), HEAD),
    }
    one, other = named[cause.name]
    return f"{one}: right in {percent(v['right'])}; {other}: in {percent(v['other_right'])}."


def ranking_sentence(facts: CausesFacts) -> str:
    """Which causes were shown to matter, from the largest."""
    shown = [cause for cause in facts.causes if cause.shown]
    if not shown:
        return f"On {plural(facts.n, 'photo')} none of {len(facts.causes)} causes was shown to matter."
    named = listing([f"{title(cause).lower()} ({points(cause.effect)} points)" for cause in shown])
    rest = [title(cause).lower() for cause in facts.causes if not cause.shown]
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
