"""The leakage meter in, its rows and what it says of each split out."""

from __future__ import annotations

from dataclasses import dataclass

from petmood.analyses.leakage.facts import LeakageFacts, LeakageFigure, SplitLeak
from petmood.analyses.leakage.judge import PERMUTED
from petmood.dataset.models import title_of
from petmood.report.wording import THIN, count, measured, number, percent

SHOWN = 0.01
"""Share of evaluated items with a copy in training below which a leak is too small to show in an accuracy."""


@dataclass(frozen=True, slots=True)
class MeterRow:
    """One subject of the meter, with its figure under each split, in the order of the columns."""

    title: str
    control: bool
    figures: tuple[LeakageFigure, ...]


def rows(facts: LeakageFacts) -> tuple[MeterRow, ...]:
    """A row a subject."""
    found = []
    for subject in dict.fromkeys(f.subject for f in facts.figures):
        own = {f.split: f for f in facts.figures if f.subject == subject}
        figures = tuple(own[split.split] for split in facts.splits)
        found.append(MeterRow(title(subject), figures[0].control, figures))
    return tuple(found)


def title(subject: str) -> str:
    """A model or control of the meter, for people."""
    return (
        "The same with permuted labels, by photo"
        if subject == PERMUTED
        else f"{title_of(subject)}, fitted on all files"
    )


def verdict(facts: LeakageFacts, split: SplitLeak) -> str:
    """Whether a split leaks, by copies in training and by what permuted labels show."""
    own = [f for f in facts.figures if f.split == split.split]
    dealt = next(f for f in own if f.subject == PERMUTED)
    figure, chance = measured(dealt.accuracy, dealt.accuracy_ci), percent(split.chance)
    if not split.exposed:
        if split.remembered:
            return (
                f"Suspicious: no copy is known to straddle this split, yet permuted labels are recognised in {figure} "
                f"of {count(split.n)} where {chance} is chance."
            )
        return (
            f"No leakage found: none of the {count(split.n)} evaluated items has a copy in training, and permuted "
            f"labels are recognised in {figure}, no more than chance ({chance})."
        )
    share = split.exposed / split.n
    text = (
        f"Leakage: {count(split.exposed)} of the {count(split.n)} evaluated items ({percent(share)}) had a copy in "
        "training."
    )
    if split.remembered:
        text += (
            f" With permuted labels, so that there is nothing to learn, the model still scores {figure} where {chance} "
            "is chance: that is memory."
        )
    elif share < SHOWN:
        text += " They are too few to move the accuracy by much."
    if split.gap is not None and split.gap_ci is not None:
        worst = max((f for f in own if not f.control), key=lambda f: f.accuracy)
        low, high = (number(100 * bound, 1) for bound in split.gap_ci)
        text += (
            f" Of the {percent(worst.accuracy)} of {title(worst.subject)}, {number(100 * split.gap, 1)} points "
            f"(95{THIN}% interval {low} to {high}) are gone once copies are kept together."
        )
    return text
