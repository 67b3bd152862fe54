"""How sure a model is, and may be, in plain sentences."""

from __future__ import annotations

from collections.abc import Iterator

from petmood.report.sentences import sets_sentence
from petmood.report.wording import count, measured, number, percent, plural
from petmood.results import CalibrationFacts


def lines(facts: CalibrationFacts) -> Iterator[str]:
    """What the probabilities are worth, what sets promise, and what is gained by answering half of the photos."""
    t = facts.temperature
    sure = "overconfident" if t > 1.1 else "underconfident" if t < 0.9 else "about as confident as it may be"
    yield (
        f"{facts.title} is {sure} (temperature {number(t)}; n = {count(facts.n)}): its ECE is "
        f"{number(facts.before.ece, 3)}, and {number(facts.after.ece, 3)} after scaling; a perfectly calibrated model "
        f"would show about {number(facts.ece_if_calibrated, 3)} on as many photos."
    )
    gain = facts.brier_constant - facts.after.brier
    yield (
        f"Its Brier score is {number(facts.after.brier, 3)} after scaling, {number(abs(gain), 3)} "
        f"{'better' if gain > 0 else 'worse'} than always saying the class shares ({number(facts.brier_constant, 3)})."
    )
    yield from map(sets_sentence, facts.sets)
    half = min(facts.abstention, key=lambda p: abs(p.answered - 0.5))
    everything = facts.abstention[0]
    yield (
        f"Answering only the surer half ({plural(half.n, 'photo')}) it is right in "
        f"{measured(half.accuracy, half.accuracy_ci)} instead of {percent(everything.accuracy)} of all "
        f"{count(everything.n)}."
    )
