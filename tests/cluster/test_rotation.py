from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import KMeans

from petmood.cluster.tuning import rotate


@pytest.mark.parametrize("dim", [5, 400])
def test_distances_within_train_are_kept_and_k_means_assigns_alike(dim: int) -> None:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(4, dim)) * 3
    vectors = (centres[rng.integers(0, 4, 80)] + rng.normal(size=(80, dim)) + 5).astype(np.float32)
    train = np.arange(60)
    turned = rotate(vectors, train)
    assert turned.shape[1] <= min(dim, 59)

    def between(rows: np.ndarray) -> np.ndarray:
        return np.linalg.norm(rows[:, np.newaxis] - rows, axis=2)

    np.testing.assert_allclose(between(turned[:60]), between(vectors[:60]), rtol=1e-3, atol=2e-3)
    plain, quick = (KMeans(4, n_init=10, random_state=42).fit(v[:60]) for v in (vectors, turned))
    np.testing.assert_array_equal(quick.predict(turned), plain.predict(vectors))
