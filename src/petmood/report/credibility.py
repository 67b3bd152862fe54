"""Results in, what the report says about its own figures out: marks, simple answers, points above species."""

from __future__ import annotations

from collections.abc import Iterator

from petmood.report.wording import THIN, ci_method, count, interval, p_value, percent, plural, points, quoted
from petmood.results import AboveSpecies, AppliedFile, Interval, Leaderboard, ModelFacts, PairFacts, Rank, Results


def marks(results: Results) -> tuple[str, ...]:
    """Why figures of this run are not to be trusted, each reason once."""
    figures: tuple[ModelFacts, ...] = (*results.models, *results.baselines)
    return tuple(dict.fromkeys(m.mark for m in figures if m.mark))


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


def relabelled_sentence(labels: AppliedFile) -> str:
    """What --labels did, and why figures of such a run flatter the model."""
    return (
        f"{plural(labels.changed, 'photo')} of this run {'has' if labels.changed == 1 else 'have'} another label than "
        f"the data, from {quoted(labels.name)} (SHA-256 {labels.sha256[:12]}), which names "
        f"{plural(labels.given, 'photo')}. Where labels were corrected because a model doubted them, that model's own "
        "figures are flattered: it is judged by labels that it helped to choose."
    )


def applied_files(results: Results) -> list[tuple[str, AppliedFile]]:
    """The user's files by which the data was changed, with what each is."""
    made = results.provenance
    if made is None:
        return []
    return [
        (what, file)
        for what, file in (("Labels", made.labels), ("Groups", made.groups), ("Species", made.species))
        if file is not None
    ]


def citation(results: Results) -> str | None:
    """The headline figure with all that identifies it, in one line; None without a model or an identity."""
    model = _headline(results)
    if model is None or model.identity is None:
        return None
    identity, made = model.identity, results.environment
    when = f", {made.date[:10]}" if made.date else ""
    return (
        f"{model.title}, fitted on {identity.training}, {identity.protocol} (seed {identity.seed}): accuracy "
        f"{percent(model.accuracy)} ({interval(model.accuracy_ci)}, {ci_method(model.ci_method)}, n = {model.n:,} "
        f"photos) on {quoted(results.dataset.name)}, data digest {identity.data[:16]}; petmood {made.petmood}{when}."
    )


def _headline(results: Results) -> ModelFacts | None:
    """The run's own model on the most photos: chosen before any figure was seen."""
    own = [m for m in results.models if results.models and m.name == results.models[0].name]
    return max(own, key=lambda m: m.n, default=None)
