"""Models and baselines with their predictions -> leaderboards that group what cannot be told apart, in words too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from petmood.evaluation.statistics import PairedTest, alike, compare_all
from petmood.results import AboveSpecies, ComparisonFacts, Leaderboard, ModelFacts, PairFacts, Rank

SPECIES_BASELINE = "species"

Tests = Mapping[tuple[int, int], PairedTest]


def compare_models(models: Sequence[ModelFacts], baselines: Sequence[ModelFacts]) -> ComparisonFacts:
    """Compare everything that was evaluated on the same photos, protocol by protocol.

    Models without predictions, or evaluated on other photos than most, cannot be compared and are left out.
    """
    boards, above = [], []
    for protocol in dict.fromkeys(m.protocol for m in models):
        entries = _comparable([m for m in (*models, *baselines) if m.protocol == protocol])
        names = {b.name for b in baselines}
        if len(entries) < 2:
            continue
        # one set of tests decides for every sentence about a pair
        tests = compare_all([hits(m) for m in entries])
        boards.append(_board(protocol, entries, names, tests))
        species = next((i for i, m in enumerate(entries) if m.name == SPECIES_BASELINE), None)
        if species is not None:
            above += [
                _above(m, entries[species], _seen_from(i, species, tests), len(tests))
                for i, m in enumerate(entries)
                if m.name not in names
            ]
    return ComparisonFacts(leaderboards=tuple(boards), above_species=tuple(above))


def _comparable(entries: list[ModelFacts]) -> list[ModelFacts]:
    """Those predicted on the commonest set of photos, best first, a name once."""
    known = list({m.name: m for m in entries if m.photos}.values())
    if not known:
        return []
    sets = [m.photos for m in known]
    common = max(dict.fromkeys(sets), key=sets.count)
    return sorted((m for m in known if m.photos == common), key=lambda m: -m.accuracy)


def hits(model: ModelFacts) -> NDArray[np.bool_]:
    """(n,) whether each photo was named rightly."""
    return np.asarray(np.array(model.truth) == np.array(model.predicted), dtype=np.bool_)


def _board(protocol: str, entries: list[ModelFacts], baselines: set[str], tests: Tests) -> Leaderboard:
    groups = alike(len(entries), {pair: test.differ for pair, test in tests.items()})
    ranks = tuple(
        Rank(
            name=m.name,
            title=m.title,
            baseline=m.name in baselines,
            accuracy=m.accuracy,
            accuracy_ci=m.accuracy_ci,
            groups=tuple(g + 1 for g, members in enumerate(groups) if i in members),
        )
        for i, m in enumerate(entries)
    )
    return Leaderboard(
        protocol=protocol,
        n=entries[0].n,
        ranks=ranks,
        pairs=tuple(_pair(entries[i], entries[j], test, len(tests)) for (i, j), test in tests.items()),
        verdicts=tuple(_verdicts(entries, tests, groups, baselines)),
    )


def _pair(a: ModelFacts, b: ModelFacts, test: PairedTest, pairs: int) -> PairFacts:
    return PairFacts(
        a=a.name,
        b=b.name,
        n=a.n,
        difference=test.difference,
        difference_ci=test.interval,
        only_a=test.only_a,
        only_b=test.only_b,
        p=test.p,
        p_holm=test.p_adjusted,
        differ=test.differ,
        verdict=_sentence(test, a, b, pairs),
    )


def _figures(test: PairedTest, pairs: int) -> str:
    low, high = (100 * bound for bound in test.interval)
    corrected = f", both corrected for {pairs} comparisons" if pairs > 1 else ""
    return (
        f"{100 * test.difference:+.1f} points, 95 % {low:+.1f} to {high:+.1f}; n = {test.n:,}; "
        f"McNemar's p {_p(test.p_adjusted)}{corrected}"
    )


def _sentence(test: PairedTest, a: ModelFacts, b: ModelFacts, pairs: int) -> str:
    figures = f"({_figures(test, pairs)})"
    if test.differ:
        return f"{a.title} is {'better' if test.difference > 0 else 'worse'} than {b.title} {figures}."
    return f"No evidence that {a.title} differs from {b.title} {figures}."


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"


def _verdicts(
    entries: Sequence[ModelFacts], tests: Tests, groups: Sequence[Sequence[int]], baselines: set[str]
) -> list[str]:
    """What a reader should take home: each model against the majority class, and who shares the first place."""
    found = []
    first = next(g for g in groups if 0 in g)
    if len(first) > 1:
        titles = ", ".join(entries[i].title for i in first)
        found.append(f"Cannot be told apart at the top (n = {entries[0].n:,}): {titles}.")
    else:
        found.append(f"{entries[0].title} is ahead of everything else (n = {entries[0].n:,}).")
    constant = next((i for i, m in enumerate(entries) if m.name == "majority"), None)
    if constant is not None:
        for i, m in enumerate(entries):
            if i != constant and m.name not in baselines:
                found.append(_sentence(_seen_from(i, constant, tests), m, entries[constant], len(tests)))
    return found


def _seen_from(first: int, second: int, tests: Tests) -> PairedTest:
    return tests[first, second] if first < second else tests[second, first].reversed()


def _above(model: ModelFacts, species: ModelFacts, test: PairedTest, pairs: int) -> AboveSpecies:
    figures = _figures(test, pairs)
    if test.differ and test.difference > 0:
        verdict = f"Knowing the face adds to knowing the kind of animal: {figures}."
    elif test.differ:
        verdict = f"Worse than knowing only the kind of animal: {figures}."
    else:
        verdict = f"No evidence that it knows more than the kind of animal: {figures}."
    return AboveSpecies(
        model=model.name,
        title=model.title,
        protocol=model.protocol,
        n=model.n,
        accuracy=model.accuracy,
        species_accuracy=species.accuracy,
        difference=test.difference,
        difference_ci=test.interval,
        p=test.p_adjusted,
        comparisons=pairs,
        verdict=verdict,
    )
