"""Two readings of the same thing that disagree at some rate -> how often one of them is wrong."""

from __future__ import annotations

import math


def error_rate(disagreement: float, classes: int) -> float:
    """Share of wrong labels among readings that err independently, equally often, and toward any other class alike.

    Two such readings with error rate e differ with probability 2e - e^2 k / (k - 1) for k classes: solved for e.

    Args:
        disagreement: share of pairs that differ, in [0, 1]; what chance alone gives, (k - 1) / k, or more, means that
            the readings tell nothing.
        classes: how many there are, 2 or more.

    Returns:
        In [0, (k - 1) / k].
    """
    most = (classes - 1) / classes
    return most * (1 - math.sqrt(max(0.0, 1 - disagreement / most)))
