"""Models and baselines with their predictions -> leaderboards that group what cannot be told apart."""

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
        # one set of tests decides for everything that is said of a pair
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
        pairs=tuple(_pair(entries[i], entries[j], test) for (i, j), test in tests.items()),
    )


def _pair(a: ModelFacts, b: ModelFacts, test: PairedTest) -> PairFacts:
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
    )


def _seen_from(first: int, second: int, tests: Tests) -> PairedTest:
    return tests[first, second] if first < second else tests[second, first].reversed()


def _above(model: ModelFacts, species: ModelFacts, test: PairedTest, pairs: int) -> AboveSpecies:
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
    )
