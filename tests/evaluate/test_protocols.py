from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import pytest
from numpy.typing import NDArray

from petmood.errors import LeakageError
from petmood.evaluate.protocols import cross_predict, family_weights, in_class_order, majority
from petmood.records import ImageRecord, Manifest
from petmood.split import Fold, grouped_folds


def make_manifest(rows: list[tuple[str, str]]) -> Manifest:
    """Rows of (class, family); the first file of a family is its photo."""
    seen: set[str] = set()
    records = []
    for i, (name, family) in enumerate(rows):
        records.append(
            ImageRecord(f"{i}.jpg", name, "train", family, family in seen, f"s{i}", 8, 8, "JPEG", 9, "RGB", False)
        )
        seen.add(family)
    classes = tuple(sorted({name for name, _ in rows}))
    return Manifest("x", "class", classes, tuple(records), (), (), True, "names", len(rows))


class Memory:
    """Remembers what it was fitted on, and answers with the class of an equal vector: the perfect leak detector."""

    fitted: ClassVar[list[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]]] = []
    classes_: NDArray[np.str_]

    def fit(self, X: NDArray[Any], y: NDArray[Any], *, groups: Any = None, sample_weight: Any = None) -> Self:
        self.X, self.y = X, y
        self.classes_ = np.unique(y)
        Memory.fitted.append((X, groups, sample_weight))
        return self

    def predict_proba(self, X: NDArray[Any]) -> NDArray[Any]:
        out = np.full((len(X), len(self.classes_)), 1 / len(self.classes_))
        for i, row in enumerate(X):
            same = np.flatnonzero((row == self.X).all(axis=1))
            if len(same):
                out[i] = self.classes_ == self.y[same[0]]
        return out


def test_memory_of_a_family_never_helps_and_a_photo_weighs_one() -> None:
    manifest = make_manifest([(c, f"{c}{i}") for c in "ab" for i in range(10) for _ in range(i % 3 + 1)])
    vectors = manifest.family_index[:, None].astype(np.float32)
    Memory.fitted = []
    made = cross_predict(Memory, vectors, manifest, grouped_folds(manifest, folds=5, seed=0))
    assert made.probabilities == pytest.approx(np.full((20, 2), 0.5))
    assert made.index.tolist() == manifest.photo_index.tolist()
    assert made.n_train == 16
    for _, groups, weights in Memory.fitted:
        for family in np.unique(groups):
            assert weights[groups == family].sum() == pytest.approx(1.0)


def test_memory_does_help_when_the_same_photo_is_on_both_sides() -> None:
    manifest = make_manifest([("a", "f"), ("b", "g"), ("a", "f"), ("b", "g")])
    vectors = manifest.family_index[:, None].astype(np.float32)
    leak = Fold(train=np.array([0, 1]), evaluate=np.array([2, 3]))
    with pytest.raises(LeakageError, match="2 photos stand on both sides"):
        cross_predict(Memory, vectors, manifest, [leak])
    assert cross_predict(Memory, vectors, manifest, [leak], allow_leakage=True).predicted.tolist() == [0, 1]


def test_columns_follow_the_manifest_and_unseen_classes_have_no_chance() -> None:
    model = Memory()
    model.classes_ = np.array(["c", "a"])
    ordered = in_class_order(model, np.array([[0.9, 0.1]]), ("a", "b", "c"))
    assert ordered.tolist() == [[0.1, 0.0, 0.9]]


def test_the_majority_is_counted_by_photo() -> None:
    manifest = make_manifest([("a", "f")] * 5 + [("b", "g"), ("b", "h")])
    fold = Fold(train=np.arange(7), evaluate=np.array([0, 5, 6]))
    assert majority(manifest, fold).tolist() == [1, 1, 1]
    assert family_weights(manifest, np.array([0, 1, 5])).tolist() == [0.5, 0.5, 1.0]
