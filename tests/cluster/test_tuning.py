from __future__ import annotations

import numpy as np
import pytest

from petmood.cluster.tuning import Labels, tune
from petmood.records import FloatArray, IntArray
from petmood.study.exploration import place


def blobs(seed: int = 0) -> tuple[FloatArray, IntArray]:
    """120 points in three groups, and the group of each."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(3), 40)
    return (rng.normal(size=(3, 6))[groups] * 8 + rng.normal(size=(120, 6))).astype(np.float32), groups


def test_every_criterion_finds_three_groups_without_labels() -> None:
    vectors, groups = blobs()
    shuffled = np.random.default_rng(1).permutation(groups)
    found = tune(
        vectors, np.arange(120), Labels(moods=shuffled, species=groups), backbone="drawn", seed=0, ks=(2, 3, 4, 5)
    )
    assert (found.best_k["silhouette"], found.best_k["calinski_harabasz"]) == (3, 3)
    stable = {row.k: row.stability or 0 for row in found.rows if row.method == "k-means" and row.reduction == "none"}
    assert stable[3] > 0.99 > stable[5]
    assert {row.method for row in found.rows} == {"k-means", "agglomerative (Ward)", "Gaussian mixture", "HDBSCAN"}
    assert {row.reduction for row in found.rows} == {"none", "PCA", "PCA, whitened"}
    for row in found.rows:
        if row.k == 3 and row.reduction == "PCA":
            assert row.species_nmi == pytest.approx(1.0)
            assert row.nmi < 0.1


def test_more_clusters_than_photos_are_not_tried_and_families_are_resampled_whole() -> None:
    vectors, groups = blobs()
    families = np.repeat(np.arange(12), 10)  # 12 photos with ten copies each
    found = tune(vectors, families, Labels(groups, groups), backbone="drawn", seed=0)
    assert max(row.k or 0 for row in found.rows) < 6


def test_like_photos_lie_together_in_the_plane() -> None:
    vectors, groups = blobs()
    placed = place(vectors, seed=0)
    assert placed.min() == 0.0
    assert placed.max() == 1.0
    centres = np.array([placed[groups == g].mean(axis=0) for g in range(3)])
    nearest = np.linalg.norm(placed[:, np.newaxis] - centres, axis=2).argmin(axis=1)
    np.testing.assert_array_equal(nearest, groups)
    np.testing.assert_array_equal(placed, place(vectors, seed=0))
    assert place(vectors[:2], seed=0).shape == (2, 2)
