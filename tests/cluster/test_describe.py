from __future__ import annotations

import numpy as np
import pytest

from petmood.cluster.kmeans import contingency, describe_split, purity, silhouette


def test_a_clustering_that_equals_the_classes_scores_one() -> None:
    labels = np.array([0, 0, 1, 1, 2, 2])
    vectors = np.eye(3, dtype=np.float32)[labels]
    facts = describe_split((labels + 1) % 3, labels, vectors, k=3, classes=("a", "b", "c"))
    assert facts.purity == facts.nmi == facts.ari == pytest.approx(1.0)
    assert facts.sizes == (2, 2, 2)
    assert facts.composition[1] == {"a": 2, "b": 0, "c": 0}
    assert facts.silhouette == pytest.approx(1.0)


def test_an_unrelated_clustering_scores_near_nothing() -> None:
    rng = np.random.default_rng(0)
    facts = describe_split(
        rng.integers(0, 4, 2000),
        rng.integers(0, 4, 2000),
        rng.normal(size=(2000, 2)).astype(np.float32),
        k=4,
        classes=tuple("abcd"),
    )
    assert facts.nmi < 0.01
    assert abs(facts.ari) < 0.01
    assert facts.purity < 0.31


def test_empty_clusters_are_kept_and_undefined_silhouettes_are_none() -> None:
    facts = describe_split(np.zeros(3, int), np.array([0, 1, 1]), np.ones((3, 2), np.float32), k=2, classes=("a", "b"))
    assert facts.sizes == (3, 0)
    assert facts.silhouette is None
    assert silhouette(np.ones((2, 2), np.float32), np.array([0, 1])) is None


def test_purity_of_a_known_table() -> None:
    table = contingency(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]), 2, 2)
    assert table.tolist() == [[2, 1], [0, 1]]
    assert purity(table) == 0.75
