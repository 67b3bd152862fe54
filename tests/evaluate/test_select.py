from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from manifests import many_photos
from petmood.errors import LeakageError
from petmood.evaluate.folds import random_folds
from petmood.evaluate.select import among, nested_predict
from petmood.split import grouped_folds
from petmood.train.heads import LogisticHead


class Numb(LogisticHead):
    """Finds every class as likely, whatever it reads."""

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))


def test_the_training_photos_choose_and_each_photo_is_predicted_once() -> None:
    manifest = many_photos(24, 2)
    rng = np.random.default_rng(0)
    vectors = (np.eye(3)[manifest.class_index] + rng.normal(0, 0.6, (len(manifest), 3))).astype(np.float32)
    candidates = {"numb": Numb, "able": partial(LogisticHead, 1.0)}
    outer = list(grouped_folds(manifest, folds=4, seed=0))
    made = nested_predict(candidates, vectors, manifest, outer, folds=3, seed=1)
    assert made.chosen == {"numb": 0, "able": 4}
    assert made.predictions.index.tolist() == manifest.photo_index.tolist()
    assert (made.predictions.predicted == manifest.class_index[made.predictions.index]).mean() > 0.7


def test_labels_of_the_evaluated_photos_change_nothing_in_the_choice() -> None:
    manifest = many_photos(15, 1)
    vectors = np.random.default_rng(1).normal(size=(len(manifest), 4)).astype(np.float32)
    candidates = {"weak": partial(LogisticHead, 0.01), "strong": partial(LogisticHead, 10.0)}
    fold = next(grouped_folds(manifest, folds=3, seed=0))
    inside = among(manifest, fold.train)
    assert {r.family for r in inside.records}.isdisjoint({manifest.records[i].family for i in fold.evaluate})
    first = nested_predict(candidates, vectors, manifest, [fold], folds=3, seed=0)
    scrambled = vectors.copy()
    scrambled[fold.evaluate] = 99
    assert nested_predict(candidates, scrambled, manifest, [fold], folds=3, seed=0).chosen == first.chosen


def test_an_outer_fold_that_leaks_is_refused() -> None:
    manifest = many_photos(12, 3)
    vectors = np.random.default_rng(2).normal(size=(len(manifest), 2)).astype(np.float32)
    with pytest.raises(LeakageError):
        nested_predict(
            {"one": LogisticHead}, vectors, manifest, random_folds(manifest, folds=3, seed=0), folds=2, seed=0
        )
