"""Results in, what the report says about its own figures out: marks, simple answers, points above species."""

from __future__ import annotations

import re
from dataclasses import dataclass

from petmood.report.wording import THIN
from petmood.results import AboveSpecies, Leaderboard, ModelFacts, Results

_PERCENT = re.compile(r"(?<=\d)%")
_MINUS = re.compile(r"(?<![\w.-])-(?=\d)")


def prose(text: str) -> str:
    """A sentence of results.json in the page's typography: "-48.4%" becomes "−48.4 %"."""
    return _MINUS.sub("\N{MINUS SIGN}", _PERCENT.sub(f"{THIN}%", text))


@dataclass(frozen=True, slots=True)
class Simple:
    """Leaderboards, and the models against species alone."""

    boards: tuple[Leaderboard, ...]
    above: tuple[AboveSpecies, ...]


def marks(results: Results) -> tuple[str, ...]:
    """Why figures of this run are not to be trusted, each reason once."""
    figures: tuple[ModelFacts, ...] = (*results.models, *results.baselines)
    return tuple(dict.fromkeys(m.mark for m in figures if m.mark))


def simple(results: Results) -> Simple | None:
    """The models beside what any model must beat; None where nothing was compared."""
    facts = results.comparison
    if facts is None:
        return None
    boards = tuple(sorted(facts.leaderboards, key=lambda b: -b.n))
    return Simple(boards, tuple(sorted(facts.above_species, key=lambda a: -a.n)))


def headline_above_species(results: Results) -> AboveSpecies | None:
    """The run's first model against species alone, on the most photos: chosen before any figure was seen."""
    if results.comparison is None or not results.comparison.above_species or not results.models:
        return None
    own = [a for a in results.comparison.above_species if a.model == results.models[0].name]
    return max(own, key=lambda a: a.n, default=None)
