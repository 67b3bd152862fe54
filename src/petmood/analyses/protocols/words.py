"""What further protocols show, in plain sentences and a chart."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from petmood.analyses.protocols.facts import AnimalsOutFacts, CurvePoint, Forecast, SpeciesOut, SpeciesOutFacts
from petmood.dataset import DEFAULT_BACKBONE
from petmood.report.plots import shares
from petmood.report.wording import THIN, count, measured, number, percent, plural, points_ci


def told(out: SpeciesOutFacts) -> str:
    """Who told the kinds of animals apart."""
    return "what the data or --species say" if out.told_by == "file" else f"the ImageNet head of {DEFAULT_BACKBONE}"


def species_sentence(s: SpeciesOut) -> str:
    """What training without a kind of animal costs on its photos."""
    figures = (
        f"{measured(s.accuracy, s.accuracy_ci)} of {plural(s.n, 'photo')}; {points_ci(s.difference, s.difference_ci)} "
        "against having seen the species"
    )
    if s.difference_ci[1] >= 0:
        return f"No evidence that training without it costs anything: {figures}."
    if s.accuracy_ci[1] < s.majority:
        constant = f"one constant answer would be right in {percent(s.majority)}"
        return f"Moods learned from other animals mislead here: {figures}; {constant}."
    return f"Moods learned from other animals carry over only in part: {figures}."


def animals_sentence(a: AnimalsOutFacts) -> str:
    """What other photos of the same animal in training bring."""
    shown = "Photos" if a.difference_ci[1] < 0 else "No evidence that photos"
    return (
        f"{shown} of one animal help to recognise its other photos: {measured(a.accuracy, a.accuracy_ci)} of "
        f"{plural(a.n, 'photo')} of {plural(a.animals, 'animal')} never seen, "
        f"{measured(a.photo_accuracy, a.photo_accuracy_ci)} where other photos of the animal are in training; "
        f"difference {points_ci(a.difference, a.difference_ci)}, animals resampled whole."
    )


def forecast_sentence(f: Forecast) -> str:
    """How many more photos a gain asks for, if the curve gets there."""
    name = f.class_name
    what = f"the recall of {name} ({percent(f.value)})" if name else f"the accuracy ({percent(f.value)})"
    noun = f"photos of {name}" if name else "photos"
    gain = f"{number(100 * f.gain, 0)} points"
    low, high = f.more_photos_ci
    if f.more_photos is None:
        text = (
            f"More {noun} of the same kind are not forecast to lift {what} by {gain} within {f.horizon} times today's "
            "number."
        )
        return text if low is None else f"{text} (The 95{THIN}% interval starts at {count(low)} more.)"
    beyond = f"more than {f.horizon - 1} times today's {count(f.photos)}"
    lower, upper = (beyond if bound is None else count(bound) for bound in (low, high))
    return (
        f"About {count(f.more_photos)} more {noun} for {gain} more on {what}, all classes growing alike "
        f"(95{THIN}% interval {lower} to {upper})."
    )


def learning(points: Sequence[CurvePoint]) -> Markup:
    """Accuracy against the number of photos trained on, with 95 % intervals."""
    said = "; ".join(f"{count(round(p.photos))} photos, {percent(p.accuracy, 1)}" for p in points)
    return Markup(
        shares(
            "learning",
            [(p.photos, p.accuracy, p.accuracy_ci) for p in points],
            "photos in training",
            "share of photos it gets right",
            f"Learning curve: {said}.",
            ticks={p.photos: count(round(p.photos)) for p in points},
            right=1.06 * max(p.photos for p in points),
        )
    )
