"""A comparison of runs and bundles in; a verdict for each pair, and one self-contained page out."""

from __future__ import annotations

from collections.abc import Iterator

from petmood.evaluation.statistics import decide
from petmood.report.html import page_html
from petmood.report.wording import count, listing, percent, plural, points
from petmood.results.comparison import DifferenceFacts, PairedDifference

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def letter(number: int) -> str:
    """0 -> "A", 26 -> "A2"."""
    return LETTERS[number % 26] + ("" if number < 26 else str(number // 26 + 1))


def differing_sentence(facts: DifferenceFacts) -> str:
    """What differs, but for packages."""
    names = [s.name for s in facts.settings if s.differs and not s.name.startswith("package ")]
    packages = sum(s.differs for s in facts.settings if s.name.startswith("package "))
    if packages:
        names.append(f"the versions of {plural(packages, 'package')}")
    return f"They differ in {listing(names)}." if names else "They were made of the same things in the same way."


def pair_sentence(pair: PairedDifference) -> str:
    """Whether two can be told apart on the photos that they share."""
    a, b = letter(pair.a), letter(pair.b)
    low, high = pair.difference_ci
    figures = (
        f"{a} {percent(pair.accuracy_a)}, {b} {percent(pair.accuracy_b)} on {plural(pair.n, 'shared photo')}, "
        f"{points(pair.difference)} points ({points(low)} to {points(high)}; p = {pair.p_adjusted:.3f} after Holm)"
    )
    verdict = {1: f"{a} is better", -1: f"{b} is better", 0: "they cannot be told apart"}[decide(pair.difference_ci)]
    model = pair.model_a if pair.model_a == pair.model_b else f"{pair.model_a} beside {pair.model_b}"
    text = f"{model}, {pair.protocol}: {verdict}. {figures}."
    if pair.relabelled:
        text += f" {plural(pair.relabelled, 'photo')} of them {'has' if pair.relabelled == 1 else 'have'} other labels."
    return f"{text} Figures are {pair.mark}." if pair.mark else text


def difference_lines(facts: DifferenceFacts) -> Iterator[str]:
    """One screen of text."""
    for i, subject in enumerate(facts.subjects):
        yield (
            f"{letter(i)}: {subject.path} ({subject.kind}), {count(subject.photos)} photos of {subject.data}, "
            f"petmood {subject.petmood}"
        )
    yield differing_sentence(facts)
    yield from map(pair_sentence, facts.pairs)
    for apart in facts.not_paired:
        yield f"{letter(apart.a)} and {letter(apart.b)} cannot be compared photo by photo: {apart.reason}."


def difference_html(facts: DifferenceFacts) -> str:
    """The page of a comparison: complete in itself, without script."""
    return page_html(
        "difference.html.j2",
        facts=facts,
        letter=letter,
        differing=differing_sentence(facts),
        pairs=[pair_sentence(pair) for pair in facts.pairs],
    )
