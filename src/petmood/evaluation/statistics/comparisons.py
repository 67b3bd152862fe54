"""What models got right on the same photos -> paired differences, whether they differ, and what choosing is worth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from petmood.evaluation.statistics.intervals import (
    RESAMPLES,
    SEED,
    Values,
    draw_counts,
    family_totals,
    kinds_of,
    mean_interval,
    wilson_interval,
)
from petmood.records import IntArray
from petmood.results import Identity, Interval, PairedFacts

LEVEL: Final = 0.05
"""Family-wise error rate at which two models are called different."""

_CHOICES: Final = 1999


@dataclass(frozen=True, slots=True)
class PairedTest:
    """Two models a and b on the same families.

    Attributes:
        n: families.
        difference: mean of a minus mean of b, in [-1, 1].
        interval: of the difference, corrected for as many comparisons as `p_adjusted` is.
        only_a, only_b: families of which one model has more right than the other.
        p: two-sided, of the paired randomisation test; McNemar's exact test where each family is right or wrong.
        p_adjusted: the same after Holm's correction; equal to p for one planned comparison.
    """

    n: int
    difference: float
    interval: Interval
    only_a: int
    only_b: int
    p: float
    p_adjusted: float

    @property
    def differ(self) -> bool:
        """Whether the two can be told apart: `p_adjusted` is below LEVEL, and the interval excludes 0."""
        return self.p_adjusted < LEVEL

    def reversed(self) -> PairedTest:
        """The same seen from b."""
        low, high = self.interval
        return replace(
            self, difference=-self.difference, interval=(-high, -low), only_a=self.only_b, only_b=self.only_a
        )


def decide(interval: Interval) -> int:
    """1 if a difference's interval lies above 0, -1 if below, else 0: the rule by which every sentence judges a pair.

    Intervals of `tell_apart` exclude 0 if and only if the pair can be told apart, so there is no second rule.
    """
    return (interval[0] > 0) - (interval[1] < 0)


def mcnemar(only_a: int, only_b: int) -> float:
    """Two-sided p of McNemar's exact test that two models are right equally often (McNemar 1947).

    Args:
        only_a: photos that one model alone got right.
        only_b: photos that the other alone got right. The others say nothing.
    """
    from scipy.stats import binom

    return min(1.0, 2 * float(binom.cdf(min(only_a, only_b), only_a + only_b, 0.5)))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """P-values adjusted by Holm's step-down method (Holm 1979), in the order given."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted = [0.0] * len(p_values)
    running = 0.0
    for rank, i in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = running
    return tuple(adjusted)


def tell_apart(
    pairs: Sequence[tuple[NDArray[Any], NDArray[Any]]],
    families: IntArray | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> tuple[PairedTest, ...]:
    """Compare pairs of models by a paired randomisation test of families, corrected together for their number.

    If two models are equally good, which of them is which is arbitrary within a family. The test therefore swaps the
    two in random families (for hits, one a family, it is McNemar's exact test), and the interval holds every difference
    that the same test would not reject: its bounds are quantiles of the mean difference over random halves of the
    families (Hartigan 1969). Holm's method gives each pair a level, and its interval is the one of that level: it
    excludes 0 exactly where the adjusted p is below LEVEL.

    Args:
        pairs: for each (n,) hits or hit rates in [0, 1] of a, and (n,) those of b in the same order; n >= 1.
        families: (n,) the family of each value; each its own if None.
        resamples: random halves; p is never below 2 / (resamples + 1) unless it is exact.
        seed: of the halves.
    """
    tests = [_Paired.of(a, b, families, resamples, seed) for a, b in pairs]
    adjusted = holm([test.p for test in tests])
    refused = sum(p < LEVEL for p in adjusted)
    # the step at which Holm's method decided each; all that were kept were compared with the last level
    ranks = np.argsort(np.argsort([test.p for test in tests], kind="stable"))
    return tuple(
        PairedTest(
            n=len(test.sums),
            difference=test.difference,
            interval=test.interval(LEVEL / (len(tests) - min(int(rank), refused)), differs=p < LEVEL),
            only_a=test.only_a,
            only_b=test.only_b,
            p=test.p,
            p_adjusted=p,
        )
        for test, p, rank in zip(tests, adjusted, ranks, strict=True)
    )


@dataclass(frozen=True)
class _Paired:
    """Sums of a - b by family, their mean, the means of random halves in ascending order, and the p that 0 has."""

    sums: Values
    difference: float
    halves: Values
    p: float

    @classmethod
    def of(cls, a: NDArray[Any], b: NDArray[Any], families: IntArray | None, resamples: int, seed: int) -> _Paired:
        sums, counts = family_totals(a.astype(np.float64) - b.astype(np.float64), families)
        sums[np.abs(sums) < 1e-12] = 0.0
        kinds, sizes = kinds_of(sums, counts)
        drawn = np.random.default_rng(seed).binomial(sizes, 0.5, size=(resamples, len(sizes))).astype(np.float64)
        numbers = drawn @ kinds[:, 1]
        # an empty half is a swap of nothing, which no difference can refuse
        halves = np.divide(drawn @ kinds[:, 0], numbers, out=np.full(resamples, np.nan), where=numbers > 0)
        made = cls(sums, float(sums.sum() / counts.sum()), np.sort(halves), 1.0)
        effects = np.unique(np.abs(sums[sums != 0]).round(12))
        if len(effects) <= 1:
            return replace(made, p=mcnemar(made.only_a, made.only_b))
        empty = int(np.isnan(halves).sum())
        least = empty + min(int((halves <= 0).sum()), int((halves >= 0).sum()))
        return replace(made, p=min(1.0, 2 * (least + 1) / (resamples + 1)))

    @property
    def only_a(self) -> int:
        return int((self.sums > 0).sum())

    @property
    def only_b(self) -> int:
        return int((self.sums < 0).sum())

    def interval(self, level: float, *, differs: bool) -> Interval:
        """Bounds at 1 - level, on that side of 0 where p says that they are."""
        low, high = self._bounds(level)
        if not differs:
            return min(low, 0.0), max(high, 0.0)
        # p is exact or counts the same halves, so that this moves a bound by the error of one draw at most
        if self.difference > 0:
            return max(low, float(self.halves[self.halves > 0].min(initial=self.difference))), high
        return low, min(high, float(self.halves[self.halves < 0].max(initial=self.difference)))

    def _bounds(self, level: float) -> Interval:
        if np.ptp(self.sums) == 0:
            # no spread is seen: as many families may be otherwise as Wilson's interval allows for none of n
            unseen = wilson_interval(0, len(self.sums), 1 - level)[1]
            return max(-1.0, self.difference - unseen), min(1.0, self.difference + unseen)
        known = self.halves[np.isfinite(self.halves)]
        empty, resamples = len(self.halves) - len(known), len(self.halves)
        place = math.ceil(level / 2 * (resamples + 1)) - 2 - empty
        if place < 0:
            return -1.0, 1.0
        low, high = float(known[place]), float(known[len(known) - 1 - place])
        return min(low, self.difference), max(high, self.difference)


def compare_pair(a: NDArray[Any], b: NDArray[Any], families: IntArray | None = None) -> PairedTest:
    """One planned comparison: nothing to correct for."""
    return tell_apart([(a, b)], families)[0]


def compare_all(hits: Sequence[NDArray[Any]]) -> dict[tuple[int, int], PairedTest]:
    """Every pair (i, j) of models with i < j, corrected over all pairs.

    Args:
        hits: for each model (n,) hits or hit rates of the same photos in the same order.
    """
    pairs = list(combinations(range(len(hits)), 2))
    return dict(zip(pairs, tell_apart([(hits[i], hits[j]) for i, j in pairs]), strict=True))


def alike(n: int, differ: Mapping[tuple[int, int], bool]) -> tuple[tuple[int, ...], ...]:
    """Largest groups of models of which no two can be told apart (insert and absorb, Piepho 2004).

    Args:
        n: number of models, ordered from best to worst.
        differ: for all pairs of them, whether the two can be told apart.

    Returns:
        groups of indices; a model stands in at least one, and in several where it lies between others.
    """
    groups = [frozenset(range(n))]
    for pair, apart in differ.items():
        if not apart:
            continue
        split: list[frozenset[int]] = []
        for group in groups:
            split += [group - {one} for one in pair] if set(pair) <= group else [group]
        groups = [g for g in dict.fromkeys(split) if g and not any(g < other for other in split)]
    return tuple(sorted(tuple(sorted(g)) for g in groups))


def paired_facts(
    hits: NDArray[np.bool_],
    reference_hits: NDArray[np.bool_],
    *,
    name: str,
    reference: str,
    protocol: str,
    identity: Identity | None = None,
    reference_identity: Identity | None = None,
) -> PairedFacts:
    """Compare what two models got right, as one fact.

    Args:
        hits: (n,) whether the model was right about each photo; n >= 1.
        reference_hits: (n,) the same of the model it is compared with, in the same order.
        name: of the model.
        reference: name of the model it is compared with.
        protocol: by which both were evaluated.
        identity: what the figure of the model is of, where it stands elsewhere too.
        reference_identity: the same of the other one.
    """
    found = compare_pair(hits, reference_hits)
    return PairedFacts(
        name=name,
        reference=reference,
        protocol=protocol,
        n=found.n,
        accuracy=float(hits.mean()),
        accuracy_ci=mean_interval(hits),
        reference_accuracy=float(reference_hits.mean()),
        gain=found.difference,
        gain_ci=found.interval,
        p=found.p,
        identity=identity,
        reference_identity=reference_identity,
    )


@dataclass(frozen=True, slots=True)
class Selected:
    """What choosing the best of many models by this data is worth on photos that did not choose.

    Attributes:
        apparent: hit rate of the best model on the photos that chose it.
        corrected: mean hit rate, on photos left out of a resample, of the model that was best in the resample.
        interval: 95 % interval of `corrected`: that of the best model's hit rate, moved by the correction.
    """

    apparent: float
    corrected: float
    interval: Interval


def best_of_many(hits: Values, *, seed: int = SEED, resamples: int = _CHOICES) -> Selected:
    """Correct the hit rate of the best model for having been chosen among many on the same photos.

    The choice is repeated on resamples of photos and the chosen model scored on the photos that were not drawn
    (bootstrap bias-corrected cross-validation; Tsamardinos, Greasidou, Borboudakis 2018). It costs no further training.

    Args:
        hits: (n_models, n_photos) out-of-sample hit rates in [0, 1].
        seed: of the resampling.
        resamples: number of resamples.
    """
    n = hits.shape[1]
    drawn = draw_counts(np.ones(n, dtype=np.int64), resamples=resamples, seed=seed)
    left = (drawn == 0).astype(np.float64)
    judged = left.any(axis=1)
    chosen = (drawn @ hits.T).argmax(axis=1)[judged]
    left = left[judged]
    corrected = float(((hits[chosen] * left).sum(axis=1) / left.sum(axis=1)).mean())
    best = hits[hits.mean(axis=1).argmax()]
    apparent = float(best.mean())
    # draws of `corrected` would be too wide: each scores about a third of the photos only
    low, high = (min(1.0, max(0.0, bound + corrected - apparent)) for bound in mean_interval(best))
    return Selected(apparent, corrected, (low, high))
