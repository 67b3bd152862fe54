"""Labels that two readers gave the same photos -> Cohen's kappa with a bootstrap interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well two readings of the same photos agree.

    Attributes:
        n: photos that both readers gave a label.
        agreed: photos to which both gave the same one.
        kappa: Cohen's kappa in [-1, 1]: 0 is what chance would give; None where it is undefined (no photo, or both
            readers gave one and the same label throughout).
        kappa_ci: percentile interval at 95 % over photos; None where kappa is.
    """

    n: int
    agreed: int
    kappa: float | None
    kappa_ci: tuple[float, float] | None


def agreement(first: Sequence[str], second: Sequence[str], *, resamples: int = RESAMPLES, seed: int = 0) -> Agreement:
    """Cohen's kappa (Cohen 1960) of two readings, with a bootstrap over photos.

    Args:
        first: the label of each photo by one reader.
        second: as long: those by the other.
        resamples: draws of the bootstrap; draws in which kappa is undefined are left out.
        seed: of the draws.

    Raises:
        ValueError: the readings differ in length.
    """
    if len(first) != len(second):
        raise ValueError(f"readings of {len(first)} and {len(second)} photos cannot be compared")
    n = len(first)
    agreed = sum(a == b for a, b in zip(first, second, strict=True))
    names = sorted({*first, *second})
    if len(names) < 2:
        return Agreement(n, agreed, None, None)
    index = {name: i for i, name in enumerate(names)}
    k = len(names)
    cells = np.array([index[a] * k + index[b] for a, b in zip(first, second, strict=True)])
    counts = np.bincount(cells, minlength=k * k)
    # drawing photos with replacement is drawing cell counts from a multinomial
    draws = np.random.default_rng(seed).multinomial(n, counts / n, size=resamples)
    kappas = _kappa(draws.reshape(-1, k, k))
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(kappas[np.isfinite(kappas)], [tail, 1 - tail])
    return Agreement(n, agreed, float(_kappa(counts.reshape(1, k, k))[0]), (float(low), float(high)))


def _kappa(tables: NDArray[np.int64]) -> NDArray[np.float64]:
    """(m, k, k) tables of counts -> (m,) kappas; nan where chance alone would agree always."""
    n = tables.sum(axis=(1, 2))
    observed = np.trace(tables, axis1=1, axis2=2) / n
    expected = (tables.sum(axis=1) * tables.sum(axis=2)).sum(axis=1) / n.astype(np.float64) ** 2
    room = np.where(expected < 1, 1 - expected, np.nan)
    return np.asarray((observed - expected) / room, dtype=np.float64)
