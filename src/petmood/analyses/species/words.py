"""Facts on species in, the sentences of the report's section on them out."""

from __future__ import annotations

from petmood.analyses.species.facts import SpeciesClusters, SpeciesFacts
from petmood.evaluation.statistics import decide
from petmood.report.wording import THIN, number, percent, plural, points, quoted
from petmood.results import Interval, PairedFacts

ERASED = {
    "none": "as they are",
    "centre": "minus the mean of their species",
    "standardise": "standardised within their species",
    "leace": "species erased linearly (LEACE)",
}


def association_sentence(facts: SpeciesFacts) -> str:
    """How far species alone tells mood."""
    a = facts.association
    top = max(facts.table, key=lambda name: sum(facts.table[name].values()))
    row = facts.table[top]
    total = sum(row.values())
    mood = max(row, key=lambda name: row[name])
    return (
        f"Of {plural(a.n, 'photo')}, {total} show the species {quoted(top)}, and {percent(row[mood] / total, 0)} of "
        f"these are labelled {quoted(mood)}. Over all, species and mood go together with a Cramer{chr(0x2019)}s V of "
        f"{number(a.cramers_v)} (95{THIN}% interval {span(a.cramers_v_ci)}) and an NMI of {number(a.nmi)} "
        f"({span(a.nmi_ci)}); 0 would mean that they have nothing to do with each other.{_unknown(facts)}"
    )


def _unknown(facts: SpeciesFacts) -> str:
    other = sum(facts.table.get("other", {}).values())
    if facts.told_by == "file" or other <= facts.n / 2:
        return ""
    return (
        f" But the network calls {percent(other / facts.n, 0)} of the photos none of the species it knows, so what "
        "follows understates species: give them in a file (petmood species --species)."
    )


def cluster_sentence(facts: SpeciesFacts) -> str | None:
    """What the clusters of untouched features are clusters of."""
    plain = next((c for c in facts.clusters if c.erased == "none"), None)
    if plain is None:
        return None
    times = f", {plain.nmi_species / plain.nmi_mood:.1f} times that" if plain.nmi_mood > 0.005 else ""
    if facts.told_by == "head" and sum(facts.table.get("other", {}).values()) > facts.n / 2:
        return f"K-means with {plural(plain.k, 'cluster')} has an NMI of {number(plain.nmi_mood)} with mood."
    what = "species, not mood" if plain.nmi_species_ci[0] > plain.nmi_mood_ci[1] else "neither clearly"
    return (
        f"K-means with {plural(plain.k, 'cluster')} has an NMI of {number(plain.nmi_mood)} with mood and of "
        f"{number(plain.nmi_species)} with species{times}: it finds {what}."
    )


def erased_sentence(facts: SpeciesFacts) -> str | None:
    """Whether mood shows better in clusters once species is out."""
    rows = [c for c in facts.clusters if c.erased != "none"]
    if not rows:
        return None
    best = max(rows, key=lambda c: c.mood_change)
    verdict = _direction(best)
    return (
        f"With species taken out (best of {len(rows)} ways: {ERASED[best.erased]}, k = {best.k}), the NMI of "
        f"clusters with mood changes by {signed(best.mood_change)} ({span(best.mood_change_ci, 3)}) to "
        f"{number(best.nmi_mood, 3)}: {verdict}"
    )


def _direction(c: SpeciesClusters) -> str:
    if c.mood_change_ci[0] > 0:
        return "mood shows better once species is out of the way."
    if c.mood_change_ci[1] < 0:
        return "mood shows worse, so what the clusters had of mood was species."
    return "no clear change; mood does not show better."


def gain_sentence(pair: PairedFacts) -> str:
    """What the pictures add to the species."""
    verdict = {
        1: "The pictures say more than the species.",
        0: "It is not shown that the pictures say more about mood than the species does.",
        -1: "The species alone does better.",
    }[verdict_of(pair)]
    corrected = f", corrected for {pair.comparisons} comparisons" if pair.comparisons > 1 else ""
    return (
        f"A model that knows only the species is right in {percent(pair.reference_accuracy)} of "
        f"{plural(pair.n, 'photo')}; one that sees the pictures in {percent(pair.accuracy)}, a paired gain of "
        f"{points(pair.gain)} points "
        f"({points(pair.gain_ci[0])} to {points(pair.gain_ci[1])}{corrected}). {verdict}"
    )


def verdict_of(pair: PairedFacts) -> int:
    """1 if the model is better, -1 if worse, 0 if the two cannot be told apart."""
    return decide(pair.gain_ci)


def signed(value: float) -> str:
    """-0.077 -> a number with a true minus sign."""
    return f"{value:+.3f}".replace("-", "\N{MINUS SIGN}")


def span(bounds: Interval, digits: int = 2) -> str:
    """(0.25, 0.36) -> "0.25 to 0.36"."""
    return " to ".join(f"{b + 0.0:.{digits}f}".replace("-", "\N{MINUS SIGN}") for b in bounds)
