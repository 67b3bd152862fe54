"""Results in, what the report says about its own figures out: is it real, what is simple, how sure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from markupsafe import Markup

from petmood.report import credibility_plots as trust_plots
from petmood.report.wording import THIN
from petmood.results import AboveSpecies, Leaderboard, LeakageFigure, ModelFacts, Results, SplitLeak

_PERCENT = re.compile(r"(?<=\d)%")
_MINUS = re.compile(r"(?<![\w.-])-(?=\d)")


def prose(text: str) -> str:
    """A sentence of results.json in the page's typography: "-48.4%" becomes "−48.4 %"."""
    return _MINUS.sub("\N{MINUS SIGN}", _PERCENT.sub(f"{THIN}%", text))


@dataclass(frozen=True, slots=True)
class MeterRow:
    """One subject of the leakage meter, with its figure under each split, in the order of the columns."""

    title: str
    control: bool
    figures: tuple[LeakageFigure, ...]


@dataclass(frozen=True, slots=True)
class Real:
    """The leakage meter."""

    splits: tuple[SplitLeak, ...]
    rows: tuple[MeterRow, ...]


@dataclass(frozen=True, slots=True)
class Simple:
    """Leaderboards, and the models against species alone."""

    boards: tuple[Leaderboard, ...]
    above: tuple[AboveSpecies, ...]


@dataclass(frozen=True, slots=True)
class Trust:
    """All that these sections show; a part is None where the results do not have it."""

    marks: tuple[str, ...]
    real: Real | None
    simple: Simple | None
    reliability: tuple[Markup, Markup] | None
    abstention: Markup | None
    learning: Markup | None


def trust(results: Results) -> Trust:
    """Gather the facts and draw the charts."""
    sure, further = results.calibration, results.protocols
    return Trust(
        marks=marks(results),
        real=_real(results),
        simple=_simple(results),
        reliability=(
            trust_plots.reliability(sure.before.reliability),
            trust_plots.reliability(sure.after.reliability),
        )
        if sure
        else None,
        abstention=trust_plots.abstention(sure.abstention) if sure else None,
        learning=trust_plots.learning(further.learning.points) if further else None,
    )


def marks(results: Results) -> tuple[str, ...]:
    """Why figures of this run are not to be trusted, each reason once."""
    figures: tuple[ModelFacts, ...] = (*results.models, *results.baselines)
    return tuple(dict.fromkeys(m.mark for m in figures if m.mark))


def _real(results: Results) -> Real | None:
    facts = results.leakage
    if facts is None:
        return None
    rows = []
    for subject in dict.fromkeys(f.subject for f in facts.figures):
        own = {f.split: f for f in facts.figures if f.subject == subject}
        figures = tuple(own[split.split] for split in facts.splits)
        rows.append(MeterRow(figures[0].title, figures[0].control, figures))
    return Real(facts.splits, tuple(rows))


def _simple(results: Results) -> Simple | None:
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
