from __future__ import annotations

import numpy as np
import pytest

from petmood.cluster.kmeans import fit_kmeans, kmeans_facts
from petmood.errors import DataError
from petmood.records import FeatureTable, ImageRecord, Manifest


def make(n_train: int, n_test: int) -> tuple[FeatureTable, Manifest]:
    """Two blobs which are two classes, in two splits."""
    rng = np.random.default_rng(0)
    rows = [("train", i % 2) for i in range(n_train)] + [("test", i % 2) for i in range(n_test)]
    records = tuple(
        ImageRecord(f"{i}.jpg", "ab"[label], split, f"f{i}", False, f"s{i}", 8, 8, "JPEG", 9, "RGB", False)
        for i, (split, label) in enumerate(rows)
    )
    vectors = np.array([[10.0 * label, 0.0] for _, label in rows]) + rng.normal(size=(len(rows), 2))
    manifest = Manifest("x", "split/class", ("a", "b"), records, (), (), True, "names", len(rows))
    return FeatureTable("blobs", vectors.astype(np.float32), None, "k"), manifest


def test_blobs_are_found_on_train_and_recognised_on_test() -> None:
    features, manifest = make(40, 9)
    facts = kmeans_facts(features, manifest, k=2, n_init=3, seed=0)
    assert facts.fitted_on == "train"
    assert set(facts.splits) == {"train", "test"}
    assert facts.splits["train"].nmi == pytest.approx(1.0)
    assert facts.splits["test"].purity == 1.0
    assert sorted(facts.splits["test"].sizes) == [4, 5]
    assert kmeans_facts(features, manifest, k=2, n_init=3, seed=0) == facts


def test_too_few_images_are_named() -> None:
    features, manifest = make(2, 2)
    with pytest.raises(DataError, match="k=3"):
        fit_kmeans(features, manifest.in_split("train"), k=3, n_init=1, seed=0)
