"""No family straddles any partition of any protocol, whatever the data; only the one made to leak does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests import make_manifest, manifests, many_photos
from petmood.errors import DataError, LeakageError
from petmood.evaluation.folds import (
    random_folds,
    random_holdouts,
    smaller_fold,
    species_folds,
)
from petmood.evaluation.protocols import cross_fit
from petmood.records import Manifest
from petmood.split import Fold, grouped_folds, leaking_photos, official_fold, refuse_leak, straddling_families
from petmood.training.heads import make_head


def assert_apart(manifest: Manifest, fold: Fold) -> None:
    families = manifest.family_index
    assert not set(families[fold.train]) & set(families[fold.evaluate])
    assert len(set(families[fold.evaluate])) == len(fold.evaluate)
    assert len(fold.train)
    assert len(fold.evaluate)
    refuse_leak(manifest, fold)


@given(manifests(), st.integers(2, 5), st.integers(0, 9))
def test_no_family_straddles_a_fold_and_each_photo_is_predicted_once(manifest: Manifest, folds: int, seed: int) -> None:
    made = list(grouped_folds(manifest, folds=folds, seed=seed))
    assert len(made) == folds
    for fold in made:
        assert_apart(manifest, fold)
    assert sorted(np.concatenate([f.evaluate for f in made])) == manifest.photo_index.tolist()
    again = [f.evaluate.tolist() for f in grouped_folds(manifest, folds=folds, seed=seed)]
    assert [f.evaluate.tolist() for f in made] == again


@settings(max_examples=50)
@given(manifests(), st.data())
def test_no_family_straddles_a_species_left_out(manifest: Manifest, data: st.DataObject) -> None:
    species = [data.draw(st.sampled_from(("dog", "cat", "bird"))) for _ in manifest.records]
    left_out, rare = species_folds(manifest, species, min_photos=4)
    for one in left_out:
        assert_apart(manifest, one.fold)
        assert {species[i] for i in one.fold.evaluate} == {one.species}
        of_train = manifest.photos_among(one.fold.train)
        assert one.species not in {species[i] for i in manifest.photo_index if i in set(of_train)}
    assert sum(len(s.fold.evaluate) for s in left_out) + sum(rare.values()) == manifest.n_photos


@given(manifests(), st.floats(0.05, 1), st.integers(0, 9))
def test_no_family_is_cut_or_straddles_on_a_learning_curve(manifest: Manifest, share: float, seed: int) -> None:
    families = manifest.family_index
    for fold in grouped_folds(manifest, folds=3, seed=seed):
        small = smaller_fold(manifest, fold, share, seed)
        assert_apart(manifest, small)
        assert set(small.train) <= set(fold.train)
        assert set(smaller_fold(manifest, fold, share / 2, seed).train) <= set(small.train)
        whole = {f: int((families == f).sum()) for f in set(families[small.train])}
        assert {f: int((families[small.train] == f).sum()) for f in whole} == whole
        labels = manifest.class_index
        assert set(labels[small.train]) == set(labels[fold.train])


@given(manifests(leaky=True))
def test_the_official_split_is_refused_exactly_where_it_leaks(manifest: Manifest) -> None:
    train, test = ({r.family for r in manifest.records if r.split == s} for s in ("train", "test"))
    if not train or not test:
        return
    if train & test:
        with pytest.raises(LeakageError, match="--allow-leakage"):
            official_fold(manifest)
        allowed = Manifest(**{**vars_of(manifest), "allow_leakage": True})
        fold = official_fold(allowed)
        assert leaking_photos(allowed, fold) == len(train & test)
        # a family counts once even then
        assert len(fold.evaluate) == len(test)
    else:
        assert_apart(manifest, official_fold(manifest))


def vars_of(manifest: Manifest) -> dict[str, object]:
    return {name: getattr(manifest, name) for name in Manifest.__dataclass_fields__}


def test_a_random_split_of_files_leaks_and_no_model_is_fitted_on_it_unless_allowed() -> None:
    manifest = many_photos(20, 4)
    folds = list(random_folds(manifest, folds=5, seed=0))
    assert sorted(np.concatenate([f.evaluate for f in folds])) == list(range(len(manifest)))
    assert all(leaking_photos(manifest, fold) for fold in folds)
    assert straddling_families(manifest) == []
    vectors = np.random.default_rng(0).normal(size=(len(manifest), 3)).astype(np.float32)
    with pytest.raises(LeakageError, match="leaks"):
        cross_fit(lambda: make_head("logistic"), vectors, manifest, folds)
    made = cross_fit(lambda: make_head("logistic"), vectors, manifest, folds, allow_leakage=True)
    assert len(made.index) == len(manifest)


def test_random_holdouts_have_their_share_and_classes() -> None:
    manifest = many_photos(20, 2)
    folds = list(random_holdouts(manifest, share=0.15, repeats=3, seed=0))
    assert [len(f.evaluate) for f in folds] == [18] * 3
    assert all(set(manifest.class_index[f.evaluate]) == {0, 1, 2} for f in folds)


def test_a_small_holdout_has_a_file_of_each_class_at_least() -> None:
    folds = list(random_holdouts(many_photos(4, 1), share=0.05, repeats=3, seed=0))
    assert [len(f.evaluate) for f in folds] == [3] * 3


def test_too_few_files_are_refused() -> None:
    manifest = make_manifest([("a", "", "1", False), ("b", "", "2", False), ("b", "", "3", False)])
    with pytest.raises(DataError, match=r"got \[1, 2\]"):
        list(random_folds(manifest, folds=2, seed=0))
