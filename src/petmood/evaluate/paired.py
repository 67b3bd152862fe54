"""Two ways of predicting the same photos -> both accuracies and their paired difference, as one fact."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from petmood.evaluate.metrics import CONFIDENCE, wilson_interval
from petmood.results import Interval, PairedFacts


def paired_facts(
    hits: NDArray[np.bool_], reference_hits: NDArray[np.bool_], *, name: str, reference: str, protocol: str
) -> PairedFacts:
    """Compare what two models got right.

    Args:
        hits: (n,) whether the model was right about each photo; n >= 1.
        reference_hits: (n,) the same of the model it is compared with, in the same order.
        name: of the model.
        reference: name of the model it is compared with.
        protocol: by which both were evaluated.
    """
    from scipy.stats import binomtest

    n = len(hits)
    ours, theirs = int((hits & ~reference_hits).sum()), int((reference_hits & ~hits).sum())
    return PairedFacts(
        name=name,
        reference=reference,
        protocol=protocol,
        n=n,
        accuracy=float(hits.mean()),
        accuracy_ci=wilson_interval(int(hits.sum()), n),
        reference_accuracy=float(reference_hits.mean()),
        gain=(ours - theirs) / n,
        gain_ci=difference_interval(ours, theirs, n),
        p=float(binomtest(ours, ours + theirs).pvalue) if ours + theirs else 1.0,
    )


def difference_interval(ours: int, theirs: int, n: int, *, resamples: int = 4999, seed: int = 0) -> Interval:
    """Percentile bootstrap over n photos of (ours - theirs) / n: the photos that one model alone got right."""
    shares = np.array([ours, theirs, n - ours - theirs]) / n
    drawn = np.random.default_rng(seed).multinomial(n, shares, size=resamples)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile((drawn[:, 0] - drawn[:, 1]) / n, [tail, 1 - tail])
    return float(low), float(high)
