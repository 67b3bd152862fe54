"""Associations against textbook cases and scikit-learn's NMI."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import normalized_mutual_info_score

from petmood.evaluation.association import cramers_v, cross_table, nmi


def draw(seed: int, n: int = 300, copy: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Two attributes with 3 and 4 values; the second tells the first in a share of cases."""
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 3, n)
    return a, np.where(rng.random(n) < copy, a, rng.integers(0, 4, n))


@pytest.mark.parametrize("copy", [0.0, 0.4, 1.0])
def test_nmi_is_that_of_scikit_learn(copy: float) -> None:
    a, b = draw(1, copy=copy)
    assert nmi(cross_table(a, b, 3, 5)) == pytest.approx(normalized_mutual_info_score(a, b))


def test_extremes() -> None:
    assert cramers_v(np.diag([5.0, 7, 9])) == pytest.approx(1.0)
    assert nmi(np.diag([5.0, 7, 9])) == pytest.approx(1.0)
    assert cramers_v(np.full((3, 4), 10.0)) == 0
    assert nmi(np.full((3, 4), 10.0)) == pytest.approx(0, abs=1e-12)
    constant = np.array([[4.0, 6], [0, 0]])
    assert (cramers_v(constant), nmi(constant)) == (0, 0)


def test_cramers_v_is_bergsmas() -> None:
    # chi2 = 20, n = 60, 2 x 2: phi2 = 1/3 - 1/59, corrected size 2 - 1/59
    table = np.array([[24.0, 6], [7, 23]])
    n = table.sum()
    expected = np.outer(table.sum(1), table.sum(0)) / n
    phi2 = ((table - expected) ** 2 / expected).sum() / n - 1 / (n - 1)
    assert cramers_v(table) == pytest.approx(np.sqrt(phi2 / (1 - 1 / (n - 1))))


def test_without_association_the_correction_leaves_next_to_nothing() -> None:
    values = [float(cramers_v(cross_table(*draw(seed, n=60, copy=0.0), 3, 4))) for seed in range(40)]
    assert np.mean(values) < 0.12
