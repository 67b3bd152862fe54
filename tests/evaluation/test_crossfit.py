"""Nothing of an evaluation fold reaches training: spies note what they are fitted on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Self

import numpy as np
import pytest
from numpy.typing import NDArray

from petmood.contract import Classifier
from petmood.errors import LeakageError
from petmood.evaluation.protocols import OutsideRows, Training, cross_fit
from petmood.records import ImageRecord, Manifest
from petmood.split import Fold, grouped_folds
from petmood.training.compose import ColumnSubset, Distilled
from petmood.training.heads import make_head
from petmood.training.shallow import ShallowHead
from petmood.training.species import SpeciesConditional, SpeciesRemoved

COPIES = 3
PHOTOS = 40
FEATURES = 5
LOGITS = 1000
MARK = FEATURES
"""The column which holds the number of each row's family: what no evaluated family may be seen in."""


def manifest() -> Manifest:
    """Photos of two classes, each with copies made from it."""
    records = tuple(
        ImageRecord(
            path=f"train/{'ab'[photo % 2]}/{photo}-{copy}.jpg",
            class_name="ab"[photo % 2],
            split="train",
            family=f"{photo:03d}",
            derived=copy > 0,
            sha256=f"{photo:032x}{copy:032x}",
            width=8,
            height=8,
            format="JPEG",
            size_bytes=1,
            mode="RGB",
            reoriented=False,
        )
        for photo in range(PHOTOS)
        for copy in range(COPIES)
    )
    return Manifest("m", "split/class", ("a", "b"), records, (), (), True, "names", len(records))


def table(data: Manifest, *, species: bool = False) -> NDArray[np.float64]:
    """Random features, then the family's number, then scores of species if those are wanted."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((len(data), FEATURES + 1 + LOGITS * species))
    rows[:, MARK] = data.family_index
    return rows


class Spy:
    """Wraps a classifier; notes the family marks of the rows it is fitted on and of those it predicts."""

    fitted: list[set[int]]

    def __init__(self, log: list[tuple[str, set[int]]]) -> None:
        self.log = log

    def fit(
        self,
        X: NDArray[Any],
        y: NDArray[np.str_],
        *,
        groups: NDArray[Any] | None = None,
        sample_weight: NDArray[np.float64] | None = None,
    ) -> Self:
        self.log.append(("fit", set(np.round(X[:, MARK]).astype(int).tolist())))
        self.model = ShallowHead("logistic").fit(X, y, groups=groups, sample_weight=sample_weight)
        self.classes_ = self.model.classes_
        return self

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:
        self.log.append(("predict", set(np.round(X[:, MARK]).astype(int).tolist())))
        return self.model.predict_proba(X)


LOGIT_COLUMNS = np.arange(FEATURES + 1, FEATURES + 1 + LOGITS)
ALL_BUT_LOGITS = np.arange(FEATURES + 1)

Compose = Callable[[Callable[[], Classifier]], Classifier]
COMPOSITIONS: dict[str, Compose] = {
    "plain": lambda make: make(),
    "columns": lambda make: ColumnSubset(make, ALL_BUT_LOGITS),
    "distilled": lambda make: Distilled(make, make, folds=3),
    "species-conditional": lambda make: SpeciesConditional(make, LOGIT_COLUMNS, ALL_BUT_LOGITS),
}


@pytest.mark.parametrize("name", COMPOSITIONS)
@pytest.mark.parametrize("training", ["photos", "files"])
def test_no_composition_is_fitted_on_an_evaluated_family(name: str, training: Training) -> None:
    data = manifest()
    vectors = table(data, species=name.startswith("species"))
    for fold in grouped_folds(data, folds=4, seed=1):
        log: list[tuple[str, set[int]]] = []
        held = set(data.family_index[fold.evaluate].tolist())
        cross_fit(lambda log=log: COMPOSITIONS[name](lambda: Spy(log)), vectors, data, [fold], training=training)
        fits = [families for what, families in log if what == "fit"]
        assert fits
        assert all(not families & held for families in fits)


@pytest.mark.parametrize("name", ["distilled"])
def test_inner_hold_outs_keep_families_together(name: str) -> None:
    data = manifest()
    log: list[tuple[str, set[int]]] = []
    [fold, *_] = grouped_folds(data, folds=4, seed=1)
    model = COMPOSITIONS[name](lambda: Spy(log))
    model.fit(
        table(data)[fold.train],
        np.array(data.classes)[data.class_index[fold.train]],
        groups=data.family_index[fold.train],
    )
    inner = [
        (log[i][1], log[i + 1][1]) for i in range(len(log) - 1) if log[i][0] == "fit" and log[i + 1][0] == "predict"
    ]
    assert len(inner) >= 3
    assert all(not fitted & predicted for fitted, predicted in inner)


def test_outside_rows_join_training_and_are_never_evaluated() -> None:
    data = manifest()
    vectors = table(data)
    outside_rows = np.random.default_rng(3).standard_normal((12, vectors.shape[1]))
    outside_rows[:, MARK] = 1000
    outside = OutsideRows(outside_rows, np.array(["a", "b"] * 6), np.arange(12), 0.1)
    log: list[tuple[str, set[int]]] = []
    made = cross_fit(lambda: Spy(log), vectors, data, grouped_folds(data, folds=4, seed=1), outside=outside)
    assert all(1000 in families for what, families in log if what == "fit")
    assert all(1000 not in families for what, families in log if what == "predict")
    assert len(made.index) == data.n_photos


def test_a_fold_that_leaks_is_refused() -> None:
    data = manifest()
    leaking = Fold(train=np.arange(len(data)), evaluate=data.photo_index[:2])
    with pytest.raises(LeakageError, match="2 of 2 evaluated photos stand in train too"):
        cross_fit(lambda: ShallowHead("logistic"), table(data), data, [leaking])


@pytest.mark.parametrize("kind", ["logistic", "lda", "svm", "knn"])
def test_what_is_evaluated_changes_nothing_that_is_learnt(kind: str) -> None:
    """Standardisation, components and classifier come from training rows: other held-out rows, same model."""
    data = manifest()
    vectors = table(data)
    [fold, *_] = grouped_folds(data, folds=4, seed=1)
    target = data.family_index == data.family_index[fold.evaluate[0]]
    others = vectors.copy()
    held = np.isin(data.family_index, data.family_index[fold.evaluate]) & ~target
    others[held] += 100.0
    make = lambda: ShallowHead(kind)  # noqa: E731 - a factory, as cross_fit takes it
    before = cross_fit(make, vectors, data, [fold])
    after = cross_fit(make, others, data, [fold])
    row = int(np.flatnonzero(before.index == fold.evaluate[0])[0])
    np.testing.assert_allclose(before.probabilities[row], after.probabilities[row], atol=1e-12)
    assert np.abs(before.probabilities - after.probabilities).max() > 1e-3


def test_species_are_taken_away_by_what_training_rows_tell() -> None:
    data = manifest()
    vectors = table(data, species=True)
    [fold, *_] = grouped_folds(data, folds=4, seed=1)
    make: Callable[[], Classifier] = lambda: SpeciesRemoved(  # noqa: E731
        lambda: ShallowHead("logistic"), LOGIT_COLUMNS, ALL_BUT_LOGITS
    )
    labels = np.array(data.classes)[data.class_index]
    model = make().fit(vectors[fold.train], labels[fold.train], groups=data.family_index[fold.train])
    alone = model.predict_proba(vectors[fold.evaluate[:1]])
    made = cross_fit(make, vectors, data, [fold])
    row = int(np.flatnonzero(made.index == fold.evaluate[0])[0])
    assert alone.shape == (1, 2)
    assert np.isfinite(made.probabilities[row]).all()


@pytest.mark.parametrize("name", ["logistic", "neighbours", "discriminant"])
def test_folds_fitted_together_give_what_they_give_one_by_one(name: str) -> None:
    data = manifest()
    rows = table(data)
    folds = list(grouped_folds(data, folds=5, seed=1))
    alone, together = (cross_fit(partial(make_head, name), rows, data, folds, streams=n) for n in (1, 3))
    assert together.index.tolist() == alone.index.tolist()
    assert np.array_equal(together.probabilities, alone.probabilities)
    assert together.n_train == alone.n_train
