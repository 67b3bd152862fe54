"""Facts on doubtful labels in, the sentences of the report's section on them out."""

from __future__ import annotations

from petmood.report.wording import THIN, count, interval, number, percent, plural
from petmood.results import LabelFacts, PlantedCheck, SuspectFacts

SHOWN = 24
"""Suspects in the report's gallery; results.json has more."""


def noise_sentence(facts: LabelFacts) -> str:
    """How many labels may be wrong, and what that would mean for accuracy."""
    return (
        f"Confident learning over {plural(len(facts.models), 'model')} puts {percent(facts.noise_rate)} of "
        f"{plural(facts.n, 'label')} in doubt (95{THIN}% interval {interval(facts.noise_rate_ci)}). If that were all "
        f"label noise, a reader who always sees the true mood would agree with {percent(facts.ceiling)} of the labels "
        f"({interval(facts.ceiling_ci)}). {weakness_sentence(facts)}"
    )


def weakness_sentence(facts: LabelFacts) -> str:
    """How far the estimate can be believed, by how often the models agree with the labels at all."""
    best = max(facts.models, key=lambda m: m.accuracy)
    if facts.noise_rate >= facts.disagreement_ci[0]:
        return (
            f"But the best of these models agrees with {percent(best.accuracy)} of the labels itself, so its own "
            "mistakes cannot be told from wrong labels: the rate is an upper bound, and the ceiling a lower one."
        )
    return (
        f"The best of these models agrees with {percent(best.accuracy)} of the labels and is confident where it does "
        "not, which is what the estimate rests on: label noise that depends on the class alone."
    )


def check_sentence(check: PlantedCheck) -> str:
    """How well a planted error is found in this very data."""
    times = check.average_precision / check.share if check.share else 0.0
    return (
        f"A test of the search: with the labels of {plural(check.changed, 'random photo')} changed on purpose, "
        f"{percent(check.recall, 0)} of them came first among as many suspects (average precision "
        f"{number(check.average_precision)}; {number(check.share)} by chance, {times:.1f} times less)."
    )


def gallery_caption(facts: LabelFacts) -> str:
    """What the gallery shows."""
    shown = min(SHOWN, len(facts.suspects))
    return (
        f"The {count(shown)} most doubtful of {count(facts.flagged)} flagged photos, most doubtful first; each beside "
        "the photos of both labels that look most like it to the backbone. Look first: a suspect is only a question."
    )


def faces(suspect: SuspectFacts) -> list[tuple[str, str, str]]:
    """(path, role, label) of the suspect and of the photo of either label that looks most like it."""
    near = (*suspect.neighbours_given[:1], *suspect.neighbours_suggested[:1])
    return [(suspect.path, "given", suspect.given), *((n.path, "like it", n.label) for n in near)]
