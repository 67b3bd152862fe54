from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
import pytest
from numpy.typing import NDArray

from manifests import many_photos
from petmood.errors import LeakageError
from petmood.evaluation.protocols import (
    Training,
    cross_fit,
    family_weights,
    grouped,
    in_class_order,
    once_on_test,
    split_use,
)
from petmood.records import ImageRecord, Manifest
from petmood.results.models import OFFICIAL, OWN
from petmood.split import Fold, complete_splits, grouped_folds
from petmood.training.baseline import MajorityClass


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


@pytest.mark.parametrize("training", ["photos", "files"])
def test_memory_of_a_family_never_helps_and_a_photo_weighs_one(training: Training) -> None:
    manifest = make_manifest([(c, f"{c}{i}") for c in "ab" for i in range(10) for _ in range(i % 3 + 1)])
    vectors = manifest.family_index[:, None].astype(np.float32)
    Memory.fitted = []
    made = cross_fit(Memory, vectors, manifest, grouped_folds(manifest, folds=5, seed=0), training=training)
    assert made.probabilities == pytest.approx(np.full((20, 2), 0.5))
    assert made.index.tolist() == manifest.photo_index.tolist()
    assert made.n_train == 16
    for _, groups, weights in Memory.fitted:
        for family in np.unique(groups):
            assert weights[groups == family].sum() == pytest.approx(1.0)
        if training == "photos":
            assert len(np.unique(groups)) == len(groups)


def test_models_are_fitted_on_photos_unless_files_are_asked_for() -> None:
    manifest = make_manifest([(c, f"{c}{i}") for c in "ab" for i in range(6) for _ in range(3)])
    vectors = manifest.family_index[:, None].astype(np.float32)
    sizes = {}
    for training in ("photos", "files", None):
        Memory.fitted = []
        given = {} if training is None else {"training": training}
        cross_fit(Memory, vectors, manifest, grouped_folds(manifest, folds=3, seed=0), **given)
        sizes[training] = [len(X) for X, _, _ in Memory.fitted]
    assert sizes == {"photos": [8, 8, 8], "files": [24, 24, 24], None: [8, 8, 8]}


def test_memory_does_help_when_the_same_photo_is_on_both_sides() -> None:
    manifest = make_manifest([("a", "f"), ("b", "g"), ("a", "f"), ("b", "g")])
    vectors = manifest.family_index[:, None].astype(np.float32)
    leak = Fold(train=np.array([0, 1]), evaluate=np.array([2, 3]))
    with pytest.raises(LeakageError, match=r"2 of [0-9]+ evaluated photos stand in train too"):
        cross_fit(Memory, vectors, manifest, [leak])
    assert cross_fit(Memory, vectors, manifest, [leak], allow_leakage=True).predicted.tolist() == [0, 1]


def test_columns_follow_the_manifest_and_unseen_classes_have_no_chance() -> None:
    model = Memory()
    model.classes_ = np.array(["c", "a"])
    ordered = in_class_order(model, np.array([[0.9, 0.1]]), ("a", "b", "c"))
    assert ordered.tolist() == [[0.1, 0.0, 0.9]]


@pytest.mark.parametrize("training", ["photos", "files"])
def test_the_majority_is_counted_by_photo(training: Training) -> None:
    manifest = make_manifest([("a", "f")] * 5 + [("b", "g"), ("b", "h"), ("a", "i"), ("b", "j")])
    fold = Fold(train=np.arange(7), evaluate=np.array([7, 8]))
    made = cross_fit(MajorityClass, np.zeros((9, 1)), manifest, [fold], training=training)
    assert made.predicted.tolist() == [1, 1]
    assert made.probabilities[0] == pytest.approx([1 / 3, 2 / 3])
    assert family_weights(manifest, np.array([0, 1, 5])).tolist() == [0.5, 0.5, 1.0]


def test_the_test_protocol_fits_on_train_and_valid_and_evaluates_the_photos_of_test() -> None:
    manifest = many_photos(10, 2)
    protocol = once_on_test(manifest, 1)
    [fold] = protocol.folds(manifest)
    assert protocol.name == OFFICIAL
    assert {manifest.records[i].split for i in fold.train} == {"train", "valid"}
    assert len(fold.train) == sum(r.split != "test" for r in manifest.records)
    assert fold.evaluate.tolist() == manifest.photos_in_split("test").tolist()
    assert split_use(manifest, protocol.name)["valid"] == "fitted"


def test_splits_that_petmood_made_are_never_called_official() -> None:
    plain = replace(many_photos(10, 1), official_splits=False)
    unsplit = replace(plain, records=tuple(replace(r, split="train") for r in plain.records))
    own = complete_splits(unsplit, seed=0)
    protocol = once_on_test(own, 0)
    assert protocol.name == OWN


def test_the_grouped_protocol_has_no_more_folds_than_the_smallest_class_has_photos() -> None:
    manifest = make_manifest([("a", f"a{i}") for i in range(9)] + [("b", f"b{i}") for i in range(3)])
    protocol = grouped(manifest, 5, 0)
    assert protocol.name == "grouped-3-fold"
    assert len(protocol.folds(manifest)) == 3


def test_what_predictions_depend_on_is_in_the_key_of_a_protocol() -> None:
    manifest = many_photos(10, 2)
    keys = [
        once_on_test(manifest, 0).key,
        once_on_test(manifest, 1).key,
        once_on_test(manifest, 0, "files").key,
        grouped(manifest, 3, 0).key,
        grouped(manifest, 4, 0).key,
    ]
    assert len({tuple(key) for key in keys}) == len(keys)
