"""The leakage meter in, its rows out."""

from __future__ import annotations

from dataclasses import dataclass

from petmood.analyses.leakage.facts import LeakageFacts, LeakageFigure


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
        found.append(MeterRow(figures[0].title, figures[0].control, figures))
    return tuple(found)
