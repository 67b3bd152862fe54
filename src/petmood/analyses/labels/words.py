"""Facts on doubtful labels in, the sentences of the report's section on them out."""

from __future__ import annotations

from typing import Final

from petmood.analyses.labels.facts import LabelFacts, NoiseEstimate, PlantedCheck, SuspectFacts
from petmood.report.wording import THIN, count, interval, number, percent, plural

SHOWN = 24
"""Suspects in the report's gallery; results.json has more."""

UNFOLDED = 3
"""Of these, how many are in sight before the list is unfolded."""


def intro_sentence(facts: LabelFacts) -> str:
    """What the section can tell at all."""
    ways = len(facts.estimates)
    return (
        f"Nobody knows the true moods, so wrong labels cannot be counted. {plural(ways, 'way')} to estimate them "
        f"{'follows' if ways == 1 else 'follow'}, each with what it mixes in, and with the accuracy that a reader who "
        "always saw the true mood would reach against these labels: a ceiling for any model."
    )


def estimate_sentence(estimate: NoiseEstimate, facts: LabelFacts) -> str:
    """One estimate of the noise rate, the ceiling it puts on accuracy, and what it cannot tell."""
    return (
        f"{_TITLES[estimate.method]}: {percent(estimate.rate)} wrong (95{THIN}% interval "
        f"{interval(estimate.rate_ci)}), ceiling {percent(estimate.ceiling)} ({interval(estimate.ceiling_ci)}). "
        f"{_reading(estimate, facts)}"
    )


_TITLES: Final = {
    "confident-learning": "Models against labels (confident learning)",
    "look-alikes": "Look-alikes against each other",
    "nearest-pairs": "Nearest pairs against each other",
    "reader": "A second reader against the labels",
}


def _reading(estimate: NoiseEstimate, facts: LabelFacts) -> str:
    if estimate.method == "look-alikes":
        return (
            f"Of {plural(estimate.n, 'pair')} of photos that are nearly the same, {count(estimate.differ)} "
            f"{'has' if estimate.differ == 1 else 'have'} two labels. It needs no model to be right, but tells of such "
            "photos alone, and takes both labels of a pair to err independently: a labeller who saw them together did "
            "not."
        )
    if estimate.method == "nearest-pairs":
        return (
            f"Of {plural(estimate.n, 'pair')} of photos that are each other's nearest, {count(estimate.differ)} "
            f"{'has' if estimate.differ == 1 else 'have'} two labels. No model of moods is asked; but two photos that "
            "look alike may truly show two moods, so this is an upper bound."
        )
    if estimate.method == "reader":
        return (
            f"The reader gave {count(estimate.differ)} of {plural(estimate.n, 'photo')} another label. The reader is "
            "taken to be right, whose own mistakes and other habits count as wrong labels: the rate is an upper bound, "
            "and the ceiling what one person's reading of faces reaches."
        )
    return weakness_sentence(facts)


def weakness_sentence(facts: LabelFacts) -> str:
    """How far confident learning can be believed, by how often the models agree with the labels at all."""
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


def why(votes: int, models: int, suggested: str, p_suggested: float, given: str, p_given: float) -> str:
    """What models say against the label of one photo."""
    return (
        f"{votes} of {models} models read {suggested} ({percent(p_suggested, 0)} on average, {given} "
        f"{percent(p_given, 0)})"
    )


def why_suspect(s: SuspectFacts) -> str:
    """What the models say against the label of a suspect."""
    return why(s.votes, s.models, s.suggested, s.p_suggested, s.given, s.p_given)
