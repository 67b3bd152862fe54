"""Results in, what the report says about its own figures out: marks, simple answers, points above species."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from petmood.report.wording import THIN, count, p_value, points
from petmood.results import AboveSpecies, Interval, Leaderboard, ModelFacts, PairFacts, Rank, Results


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


def take_home(board: Leaderboard) -> str:
    """Who shares the first place."""
    first = board.ranks[0]
    top = [rank.title for rank in board.ranks if first.groups[0] in rank.groups]
    if len(top) > 1:
        return f"Cannot be told apart at the top (n = {count(board.n)}): {', '.join(top)}."
    return f"{first.title} is ahead of everything else (n = {count(board.n)})."


def board_sentences(board: Leaderboard) -> Iterator[str]:
    """What a reader should take home: who shares the first place, and each model against the majority class."""
    yield take_home(board)
    constant = next((rank for rank in board.ranks if rank.name == "majority"), None)
    if constant is not None:
        for rank in board.ranks:
            pair = next((p for p in board.pairs if {p.a, p.b} == {rank.name, constant.name}), None)
            if pair is not None and not rank.baseline:
                yield _pair_sentence(pair, rank, constant, len(board.pairs))


def _pair_sentence(pair: PairFacts, model: Rank, other: Rank, pairs: int) -> str:
    low, high = pair.difference_ci
    seen, bounds = (pair.difference, (low, high)) if pair.a == model.name else (-pair.difference, (-high, -low))
    figures = _tested(seen, bounds, pair.n, pair.p_holm, pairs)
    if pair.differ:
        return f"{model.title} is {'better' if seen > 0 else 'worse'} than {other.title} ({figures})."
    return f"No evidence that {model.title} differs from {other.title} ({figures})."


def above_sentence(above: AboveSpecies) -> str:
    """Whether a model knows more than the kind of animal."""
    figures = _tested(above.difference, above.difference_ci, above.n, above.p, above.comparisons)
    if not above.differ:
        return f"No evidence that it knows more than the kind of animal: {figures}."
    if above.difference > 0:
        return f"Knowing the face adds to knowing the kind of animal: {figures}."
    return f"Worse than knowing only the kind of animal: {figures}."


def _tested(difference: float, bounds: Interval, n: int, p: float, pairs: int) -> str:
    low, high = map(points, bounds)
    corrected = f", both corrected for {pairs} comparisons" if pairs > 1 else ""
    return (
        f"{points(difference)} points, 95{THIN}% interval {low} to {high}; n = {count(n)}; McNemar's p {p_value(p)}"
        f"{corrected}"
    )
