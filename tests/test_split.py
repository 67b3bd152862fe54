from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petmood.errors import DataError, LeakageError
from petmood.records import ImageRecord, Manifest
from petmood.split import (
    animal_folds,
    complete_splits,
    fewest_folds,
    grouped_folds,
    leaking_photos,
    official_fold,
    straddling_animals,
    straddling_families,
)


def make_manifest(rows: list[tuple[str, str, str, bool]]) -> Manifest:
    """Rows of (class, split, family, derived)."""
    records = tuple(
        ImageRecord(f"{i:04d}.jpg", name, split, family, derived, f"sha{i}", 8, 8, "JPEG", 9, "RGB", False)
        for i, (name, split, family, derived) in enumerate(rows)
    )
    classes = tuple(sorted({r.class_name for r in records}))
    return Manifest("x", "class", classes, records, (), (), False, "names", len(records))


@st.composite
def manifests(draw: st.DrawFn, splits: tuple[str, ...] = ("",)) -> Manifest:
    rows = []
    for name in ("a", "b", "c"):
        for photo in range(draw(st.integers(5, 12))):
            split = draw(st.sampled_from(splits))
            for copy in range(draw(st.integers(1, 4))):
                rows.append((name, split, f"{name}{photo}", copy > 0))
    order = draw(st.permutations(range(len(rows))))
    return make_manifest([rows[i] for i in order])


@given(manifests(), st.integers(0, 5))
def test_made_splits_never_part_a_family_and_hold_every_class(manifest: Manifest, seed: int) -> None:
    done = complete_splits(manifest, seed)
    assert straddling_families(done) == []
    assert sorted(r.sha256 for r in done.records) == sorted(r.sha256 for r in manifest.records)
    for split in ("train", "valid", "test"):
        assert {r.class_name for r in done.records if r.split == split} == {"a", "b", "c"}
    assert complete_splits(manifest, seed) == done


@given(manifests(), st.integers(2, 5), st.integers(0, 5))
def test_folds_never_part_a_family_and_predict_each_photo_once(manifest: Manifest, folds: int, seed: int) -> None:
    seen: list[int] = []
    families = manifest.family_index
    for fold in grouped_folds(manifest, folds=folds, seed=seed):
        assert not set(families[fold.train]) & set(families[fold.evaluate])
        assert len(set(families[fold.evaluate])) == len(fold.evaluate)
        assert set(families[fold.train]) | set(families[fold.evaluate]) == set(families)
        seen.extend(fold.evaluate.tolist())
    assert sorted(seen) == manifest.photo_index.tolist()
    assert len(seen) == manifest.n_photos


def test_valid_is_judged_where_there_is_no_test() -> None:
    rows = [(c, "train", f"{c}{i}", False) for c in "ab" for i in range(10)]
    rows += [(c, "valid", f"v{c}{i}", False) for c in "ab" for i in range(3)]
    done = complete_splits(make_manifest(rows), 0)
    assert {r.family for r in done.records if r.split == "test"} == {f"v{c}{i}" for c in "ab" for i in range(3)}
    assert Counter(r.split for r in done.records) == {"train": 16, "valid": 4, "test": 6}
    assert "valid split of the data is judged" in done.notes[-1]


def test_valid_is_carved_out_of_train_when_only_it_lacks() -> None:
    rows = [(c, "train", f"{c}{i}", False) for c in "ab" for i in range(10)]
    rows += [(c, "test", f"t{c}{i}", False) for c in "ab" for i in range(3)]
    done = complete_splits(make_manifest(rows), 0)
    assert Counter(r.split for r in done.records) == {"train": 16, "valid": 4, "test": 6}


def test_official_splits_are_kept() -> None:
    rows = [(c, s, f"{c}{s}{i}", False) for c in "ab" for s in ("train", "valid", "test") for i in range(2)]
    manifest = make_manifest(rows)
    assert complete_splits(manifest, 0) is manifest
    fold = official_fold(manifest)
    assert {manifest.records[i].split for i in fold.train} == {"train"}
    assert {manifest.records[i].split for i in fold.evaluate} == {"test"}


def test_a_split_that_leaks_is_refused() -> None:
    rows = [(c, s, f"{c}{s}{i}", False) for c in "ab" for s in ("train", "valid", "test") for i in range(2)]
    manifest = make_manifest([*rows, ("a", "train", "atest0", True)])
    assert straddling_families(manifest) == ["atest0"]
    with pytest.raises(LeakageError, match="1 of 4 test photos"):
        official_fold(manifest)


def test_too_few_photos_are_named() -> None:
    rows = [("a", "", f"a{i}", False) for i in range(9)] + [("b", "", "b0", False), ("b", "", "b1", False)]
    with pytest.raises(DataError, match="class 'b' has 2 photos"):
        complete_splits(make_manifest(rows), 0)
    with pytest.raises(DataError, match="class 'b' has 2 photos; 5-fold"):
        list(grouped_folds(make_manifest(rows), folds=5, seed=0))


def test_a_photo_stands_for_its_family() -> None:
    manifest = make_manifest([("a", "", "f", True), ("a", "", "f", False), ("b", "", "g", True)])
    assert manifest.photo_index.tolist() == [1, 2]
    assert np.array_equal(manifest.family_index, [0, 0, 1])


def with_animals(manifest: Manifest, animals: list[str], folds: list[str] | None = None) -> Manifest:
    told = zip(manifest.records, animals, folds or [""] * len(animals), strict=True)
    return replace(manifest, records=tuple(replace(r, animal=a, fold=f) for r, a, f in told))


@settings(max_examples=50)
@given(manifests(), st.integers(2, 6), st.randoms(use_true_random=False), st.sampled_from([None, 2]))
def test_an_animal_that_is_evaluated_was_never_seen(
    manifest: Manifest, n: int, random: Random, folds: int | None
) -> None:
    of = {r.family: f"animal {random.randrange(n)}" for r in manifest.records}
    told = with_animals(manifest, ["" if random.random() < 0.1 else of[r.family] for r in manifest.records])
    try:
        parts = list(animal_folds(told, folds=folds, seed=1))
    except DataError:
        return  # too few animals, in all or of a class; see below
    evaluated: list[int] = []
    for fold in parts:
        held = {told.records[i].animal for i in fold.evaluate}
        seen = {told.records[i].animal for i in fold.train}
        assert not held & (seen | {""})
        assert leaking_photos(told, fold) == 0
        evaluated += fold.evaluate.tolist()
        assert folds is not None or len(held) == 1
    assert sorted(evaluated) == [i for i in told.photo_index.tolist() if told.records[i].animal]


@settings(max_examples=50)
@given(manifests(), st.integers(2, 9), st.randoms(use_true_random=False), st.booleans())
def test_no_animal_straddles_splits_or_folds_that_petmood_makes(
    manifest: Manifest, n: int, random: Random, partly: bool
) -> None:
    of = {r.family: f"animal {random.randrange(n)}" for r in manifest.records}
    unknown = {family for family in sorted(of) if partly and random.random() < 0.3}
    told = with_animals(manifest, ["" if r.family in unknown else of[r.family] for r in manifest.records])
    told = replace(told, records=tuple(replace(r, split="") for r in told.records), official_splits=False)
    try:
        made = complete_splits(told, 3)
        k = fewest_folds(told, 5)
        folds = list(grouped_folds(told, folds=k, seed=3))
    except DataError:
        return  # too few animals, in all or of a class; see below
    assert set(made.split_names()) == {"train", "valid", "test"}
    assert {made.records[i].class_name for i in made.in_split("train")} == set(made.classes)
    assert straddling_animals(made) == len(straddling_families(made)) == 0
    for fold in folds:
        held, seen = ({told.records[i].animal for i in side} - {""} for side in (fold.evaluate, fold.train))
        assert not held & seen
        assert leaking_photos(told, fold) == 0
    evaluated = sorted(i for fold in folds for i in fold.evaluate.tolist())
    assert evaluated == told.photo_index.tolist()
    apart = list(grouped_folds(told, folds=k, seed=3, animals=False))
    assert sorted(i for fold in apart for i in fold.evaluate.tolist()) == evaluated


def test_splits_by_animal_come_near_their_shares() -> None:
    manifest = make_manifest([(c, "", f"{c}{i}", False) for c in "ab" for i in range(200)])
    made = complete_splits(with_animals(manifest, [f"{i % 40}" for i in range(400)]), 0)
    assert straddling_animals(made) == 0
    for split, share in (("train", 0.7), ("valid", 0.15), ("test", 0.15)):
        counts = np.bincount(made.class_index[made.in_split(split)])
        assert np.abs(counts / 200 - share).max() < 0.06


def test_a_class_of_one_animal_is_said_so() -> None:
    rows = make_manifest([(c, "", f"{c}{i}", False) for c in "ab" for i in range(6)])
    lone = with_animals(rows, [*"uvwxyz", *"xxxxxx"])
    for work in (lambda: complete_splits(lone, 0), lambda: list(grouped_folds(lone, folds=2, seed=0))):
        with pytest.raises(DataError, match=r"class 'b' is shown by 1 animal, .*--exclude 'b'"):
            work()
    with pytest.raises(DataError, match="the data show 2 animals"):
        complete_splits(with_animals(rows, ["x", "y"] * 6), 0)
    manifest = make_manifest([(c, "", f"{c}{i}", False) for c in "ab" for i in range(4)])
    with pytest.raises(DataError, match=r"class 'b' is shown by 1 animal, .*--exclude 'b'"):
        list(animal_folds(with_animals(manifest, ["x", "y", "x", "y", "x", "x", "x", "x"])))
    with pytest.raises(DataError, match="--group-by"):
        list(animal_folds(manifest))


def test_the_datas_own_folds_are_the_folds() -> None:
    manifest = make_manifest([(c, "", f"{c}{i}", False) for c in "ab" for i in range(6)])
    told = with_animals(manifest, [""] * 12, ["1", "2", "10"] * 4)
    parts = list(grouped_folds(told, folds=5, seed=3))
    assert [sorted({told.records[i].fold for i in fold.evaluate}) for fold in parts] == [["1"], ["2"], ["10"]]
    leaky = replace(told, records=(*told.records[:-1], replace(told.records[-1], family="a0", class_name="a")))
    with pytest.raises(LeakageError, match="of the data leaks"):
        list(grouped_folds(leaky, folds=5, seed=3))
