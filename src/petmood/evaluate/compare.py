"""What models got right on the same photos -> paired tests, corrected for their number, and groups that are alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from petmood.evaluate.intervals import RESAMPLES, bootstrap_interval, resampled_means
from petmood.results import Interval

LEVEL: Final = 0.05
"""Family-wise error rate at which two models are called different."""


def mcnemar(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Two-sided p of McNemar's exact test that two models are right equally often (McNemar 1947).

    Args:
        a: (n,) whether one model was right about each photo.
        b: (n,) the same of the other, in the same order. Only photos on which they differ say anything.
    """
    from scipy.stats import binomtest

    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    return float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0


def paired_bootstrap(
    a: NDArray[np.float64], b: NDArray[np.float64], *, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[Interval, float]:
    """Interval of the mean of a - b over photos, and its two-sided p, by resampling photos.

    Args:
        a: (n,) hit rates of one model in [0, 1], a value a photo, e.g. means over repeats of cross-validation.
        b: (n,) the same of the other, in the same order.
        resamples: draws; p is never below 1 / (resamples + 1).
        seed: of the draws.
    """
    difference = a - b
    if not difference.any():
        return (0.0, 0.0), 1.0
    observed = float(difference.mean())
    # what resampling gives around the observed mean is what the null gives around 0
    spread = resampled_means(difference, resamples=resamples, seed=seed) - observed
    extreme = int((np.abs(spread) >= abs(observed) - 1e-12).sum())
    return bootstrap_interval(difference, resamples=resamples, seed=seed), (extreme + 1) / (resamples + 1)


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """P-values adjusted by Holm's step-down method (Holm 1979), in the order given."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted = [0.0] * len(p_values)
    running = 0.0
    for rank, i in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = running
    return tuple(adjusted)


@dataclass(frozen=True, slots=True)
class PairTest:
    """Two models on the same n photos.

    Attributes:
        a, b: indices of the models.
        difference: accuracy of a minus accuracy of b.
        interval: its 95 % interval, by a paired bootstrap over photos.
        only_a, only_b: photos that one alone got right.
        p: of McNemar's exact test.
        p_holm: the same, corrected for the number of pairs.
    """

    a: int
    b: int
    difference: float
    interval: Interval
    only_a: int
    only_b: int
    p: float
    p_holm: float

    @property
    def differ(self) -> bool:
        """Whether the two can be told apart at the family-wise level."""
        return self.p_holm < LEVEL


def compare_pair(a: NDArray[np.bool_], b: NDArray[np.bool_], seed: int = 0) -> PairTest:
    """One planned comparison: nothing to correct for."""
    p = mcnemar(a, b)
    return _pair(0, 1, a, b, p, p, seed)


def compare_all(hits: Sequence[NDArray[np.bool_]], seed: int = 0) -> tuple[PairTest, ...]:
    """Every pair of models, with Holm's correction over all pairs.

    Args:
        hits: for each model (n,) whether it was right about each photo; all in the same order of photos.
        seed: of the bootstrap.
    """
    pairs = list(combinations(range(len(hits)), 2))
    raw = [mcnemar(hits[i], hits[j]) for i, j in pairs]
    return tuple(
        _pair(i, j, hits[i], hits[j], p, adjusted, seed)
        for (i, j), p, adjusted in zip(pairs, raw, holm(raw), strict=True)
    )


def _pair(i: int, j: int, a: NDArray[np.bool_], b: NDArray[np.bool_], p: float, p_holm: float, seed: int) -> PairTest:
    difference = a.astype(np.float64) - b.astype(np.float64)
    return PairTest(
        a=i,
        b=j,
        difference=float(difference.mean()),
        interval=bootstrap_interval(difference, seed=seed) if difference.any() else (0.0, 0.0),
        only_a=int((difference > 0).sum()),
        only_b=int((difference < 0).sum()),
        p=p,
        p_holm=p_holm,
    )


def alike(n: int, tests: Sequence[PairTest]) -> tuple[tuple[int, ...], ...]:
    """Largest groups of models of which no two can be told apart (insert and absorb, Piepho 2004).

    Args:
        n: number of models, ordered from best to worst.
        tests: all pairs of them.

    Returns:
        groups of indices; a model stands in at least one, and in several where it lies between others.
    """
    groups = [frozenset(range(n))]
    for test in tests:
        if not test.differ:
            continue
        split: list[frozenset[int]] = []
        for group in groups:
            split += [group - {test.a}, group - {test.b}] if {test.a, test.b} <= group else [group]
        groups = [g for g in dict.fromkeys(split) if g and not any(g < other for other in split)]
    return tuple(sorted(tuple(sorted(g)) for g in groups))
