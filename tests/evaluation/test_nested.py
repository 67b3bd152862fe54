from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from manifests import many_photos
from petmood.contract import Classifier
from petmood.errors import LeakageError
from petmood.evaluation.folds import random_folds
from petmood.evaluation.nested import CrossPredict, Nested, choose_nested, judge
from petmood.evaluation.protocols import Predictions, cross_fit
from petmood.records import IntArray, Manifest
from petmood.split import Fold, grouped_folds
from petmood.training.heads import LogisticHead


class Numb(LogisticHead):
    """Finds every class as likely, whatever it reads."""

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))


def predicting(make: Callable[[], Classifier], vectors: NDArray[np.float32]) -> CrossPredict:
    def predict(manifest: Manifest, rows: IntArray, folds: Sequence[Fold]) -> Predictions:
        return cross_fit(make, vectors[rows], manifest, folds)

    return predict


def nested(
    makes: Mapping[str, Callable[[], Classifier]],
    vectors: NDArray[np.float32],
    manifest: Manifest,
    outer: Sequence[Fold],
    folds: int = 3,
) -> Nested:
    judged = {
        name: judge(predicting(make, vectors), manifest, outer, folds=folds, seed=1) for name, make in makes.items()
    }
    return choose_nested(judged, outer)


def test_the_training_photos_choose_and_each_photo_is_predicted_once() -> None:
    manifest = many_photos(24, 2)
    rng = np.random.default_rng(0)
    vectors = (np.eye(3)[manifest.class_index] + rng.normal(0, 0.6, (len(manifest), 3))).astype(np.float32)
    made = nested(
        {"numb": Numb, "able": partial(LogisticHead, 1.0)},
        vectors,
        manifest,
        list(grouped_folds(manifest, folds=4, seed=0)),
    )
    assert made.chosen == {"numb": 0, "able": 4}
    assert made.predictions.index.tolist() == manifest.photo_index.tolist()
    assert (made.predictions.predicted == manifest.class_index[made.predictions.index]).mean() > 0.7


def test_the_evaluated_photos_change_nothing_in_the_choice() -> None:
    manifest = many_photos(15, 2)
    vectors = np.random.default_rng(1).normal(size=(len(manifest), 4)).astype(np.float32)
    candidates = {"weak": partial(LogisticHead, 0.01), "strong": partial(LogisticHead, 10.0)}
    fold = next(grouped_folds(manifest, folds=3, seed=0))
    first = nested(candidates, vectors, manifest, [fold])
    held = np.isin(manifest.family_index, manifest.family_index[fold.evaluate])
    scrambled = vectors.copy()
    scrambled[held] = 99
    assert nested(candidates, scrambled, manifest, [fold]).chosen == first.chosen


def test_what_chooses_holds_nothing_of_the_families_that_are_evaluated() -> None:
    manifest = many_photos(12, 3)
    vectors = np.random.default_rng(1).normal(size=(len(manifest), 4)).astype(np.float32)
    outer = list(grouped_folds(manifest, folds=3, seed=0))
    seen: list[set[str]] = []

    def predict(data: Manifest, rows: IntArray, folds: Sequence[Fold]) -> Predictions:
        seen.append({r.family for r in data.records})
        return predicting(LogisticHead, vectors)(data, rows, folds)

    judge(predict, manifest, outer, folds=3, seed=0)
    assert len(seen) == 4  # the whole, then the inside of each outer fold
    for fold, inside in zip(outer, seen[1:], strict=True):
        assert inside.isdisjoint({manifest.records[i].family for i in fold.evaluate})


def test_an_outer_fold_that_leaks_is_refused() -> None:
    manifest = many_photos(12, 3)
    vectors = np.random.default_rng(2).normal(size=(len(manifest), 2)).astype(np.float32)
    with pytest.raises(LeakageError):
        nested({"one": LogisticHead}, vectors, manifest, list(random_folds(manifest, folds=3, seed=0)), folds=2)
