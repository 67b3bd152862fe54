"""Folds over several sources, the matrix, and choices that the judged source takes no part in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petmood.errors import ConfigError, DataError
from petmood.evaluation import sources
from petmood.evaluation.sources import Pooled
from petmood.records import IntArray

CLASSES = ("angry", "happy", "other", "sad")


def drawn(rng: np.random.Generator, sizes: tuple[int, ...], copies: int = 0, classes: int = 4) -> Pooled:
    """Sources of the given sizes with some photos in two files, and `copies` photos that stand in two sources."""
    source = np.repeat(np.arange(len(sizes)), sizes)
    n = len(source)
    labels = np.concatenate([np.arange(size) % classes for size in sizes])
    families = np.arange(n)
    for size, start in zip(sizes, np.cumsum((0, *sizes[:-1])), strict=True):
        twice = start + rng.choice(size - 1, size // 5, replace=False)
        families[twice] = families[twice + 1]
    for _ in range(copies):
        a, b = rng.choice(len(sizes), 2, replace=False)
        i, j = rng.choice(np.flatnonzero(source == a)), rng.choice(np.flatnonzero(source == b))
        families[families == families[i]] = families[j]
    species = rng.dirichlet([1, 1, 1], n)
    names = tuple(f"set {i}" for i in range(len(sizes)))
    return Pooled(names, CLASSES[:classes], source, labels, families, species)


@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(20, 60), min_size=2, max_size=4).map(tuple),
    st.integers(0, 12),
)
def test_no_photo_stands_on_both_sides_of_any_fold(seed: int, sizes: tuple[int, ...], copies: int) -> None:
    union = drawn(np.random.default_rng(seed), sizes, copies)
    outer = sources.left_out_folds(union)
    everything = [*outer, *sources.one_to_one_folds(union)]
    for fold in everything:
        assert not np.intersect1d(union.families[fold.train], union.families[fold.evaluate]).size
        assert set(union.source[fold.evaluate]) == {fold.judged}
        assert set(union.source[fold.train]) <= set(fold.trained)
        assert len(np.unique(union.families[fold.evaluate])) == len(fold.evaluate)
        rest = union.rows(*fold.trained)
        assert sorted([*fold.train, *fold.removed]) == list(rest)
        assert np.isin(union.families[fold.removed], union.families[fold.evaluate]).all()
    for fold in outer:
        for inner in sources.inner_folds(union, fold):
            for part in inner:
                used = np.concatenate([part.train, part.evaluate])
                assert fold.judged not in union.source[used]
                assert not np.intersect1d(union.families[used], union.families[fold.evaluate]).size


@given(st.integers(0, 2**32 - 1), st.integers(1, 10))
def test_what_was_published_twice_is_listed(seed: int, copies: int) -> None:
    union = drawn(np.random.default_rng(seed), (30, 40), copies)
    listed = union.copies()
    assert listed
    for rows in listed:
        assert len(np.unique(union.families[rows])) == 1
        assert len(np.unique(union.source[rows])) == 2
    both = np.intersect1d(union.families[union.source == 0], union.families[union.source == 1])
    assert len(listed) == len(both)


def oracle(union: Pooled, skill: dict[int, float]) -> sources.Reader:
    """Reads a photo right with the skill of its source, whatever it was trained on."""

    def reader(train: IntArray, evaluate: IntArray) -> np.ndarray:
        rng = np.random.default_rng(len(train))
        k = len(union.classes)
        wrong = (union.labels[evaluate] + rng.integers(1, k, len(evaluate))) % k
        right = rng.random(len(evaluate)) < np.array([skill[int(s)] for s in union.source[evaluate]])
        return np.eye(k)[np.where(right, union.labels[evaluate], wrong)]

    return reader


def test_the_matrix_has_each_source_left_out_in_itself_and_from_each_other() -> None:
    union = drawn(np.random.default_rng(0), (400, 300, 200))
    reader = oracle(union, {0: 0.9, 1: 0.6, 2: 0.3})
    within = [sources.in_source_folds(union, source, folds=3) for source in range(3)]
    alone = [(fold,) for fold in (*sources.left_out_folds(union), *sources.one_to_one_folds(union))]
    cells = [sources.cell(union, sources.read(union, folds, reader)) for folds in (*alone, *within)]
    kinds = [c.kind for c in cells]
    assert (kinds.count("left out"), kinds.count("in source"), kinds.count("one to one")) == (3, 3, 6)
    for found in cells:
        skill = {"set 0": 0.9, "set 1": 0.6, "set 2": 0.3}[found.judged_on]
        assert found.balanced_ci[0] <= found.balanced <= found.balanced_ci[1]
        assert found.balanced == pytest.approx(skill, abs=0.12)
        assert found.n == len(union.photos(union.rows(union.sources.index(found.judged_on))))


def test_classes_that_a_source_lacks_are_no_answers_there() -> None:
    rng = np.random.default_rng(1)
    whole = drawn(rng, (80, 60))
    lacking = np.where(whole.source == 1, whole.labels % 3, whole.labels)
    union = Pooled(whole.sources, CLASSES, whole.source, lacking, whole.families, whole.species)

    def reader(train: IntArray, evaluate: IntArray) -> np.ndarray:
        likely = np.full((len(evaluate), 4), 0.1)
        likely[:, 3] = 0.6  # the class that the second source lacks
        likely[np.arange(len(evaluate)), union.labels[evaluate]] += 0.1
        return likely / likely.sum(axis=1, keepdims=True)

    first, second = (sources.cell(union, sources.read(union, [f], reader)) for f in sources.left_out_folds(union))
    assert second.balanced == 1.0
    assert second.classes == CLASSES[:3]
    assert second.guessing == pytest.approx(1 / 3)
    assert first.balanced == pytest.approx(0.25)


def test_intervals_of_balanced_accuracy_hold_the_truth_where_files_of_a_photo_go_together() -> None:
    rng = np.random.default_rng(7)
    held = 0
    for trial in range(200):
        families = np.repeat(np.arange(120), 3)
        truth = np.repeat(rng.choice(3, 120, p=[0.6, 0.3, 0.1]), 3)
        skill = np.array([0.7, 0.5, 0.3])
        right = np.repeat(rng.random(120), 3) < skill[truth]  # the three files of a photo stand or fall together
        predicted = np.where(right, truth, (truth + 1) % 3)
        low, high = sources.balanced_interval(truth, predicted, families, resamples=400, seed=trial)
        held += low <= skill.mean() <= high
    assert 180 <= held <= 199


def test_the_judged_source_takes_no_part_in_the_choice() -> None:
    union = drawn(np.random.default_rng(3), (90, 90, 90), copies=5)
    # good on the others, bad where it is judged: an honest choice takes it nevertheless
    flatterer = oracle(union, {0: 0.1, 1: 0.9, 2: 0.9})
    steady = oracle(union, {0: 0.9, 1: 0.5, 2: 0.5})
    found = {c.judged: c for c in sources.choose_nested(union, {"steady": steady, "flatterer": flatterer})}
    assert found[0].chosen == "flatterer"
    assert sources.cell(union, found[0].reading).balanced < 0.3
    assert found[0].reading.trained == (1, 2)


def test_with_two_sources_the_choice_is_made_in_the_other() -> None:
    union = drawn(np.random.default_rng(3), (90, 60))
    good, bad = oracle(union, {0: 0.8, 1: 0.8}), oracle(union, {0: 0.2, 1: 0.2})
    assert [c.chosen for c in sources.choose_nested(union, {"bad": bad, "good": good})] == ["good", "good"]


def test_what_cannot_be_judged_says_so() -> None:
    rng = np.random.default_rng(0)
    one = drawn(rng, (30,))
    with pytest.raises(DataError, match="two sources"):
        sources.left_out_folds(one)
    with pytest.raises(DataError, match="no pictures"):
        Pooled(("a", "b"), CLASSES, one.source, one.labels, one.families, one.species)
    with pytest.raises(DataError, match="label"):
        Pooled(("a",), CLASSES[:2], one.source, one.labels, one.families, one.species)
    with pytest.raises(DataError, match="lengths"):
        Pooled(("a",), CLASSES, one.source, one.labels[:-1], one.families, one.species)
    two = drawn(rng, (30, 30))
    with pytest.raises(DataError, match="columns"):
        sources.read(two, sources.left_out_folds(two)[:1], lambda train, evaluate: np.ones((len(evaluate), 2)))
    with pytest.raises(ConfigError, match="choose"):
        list(sources.choose_nested(two, {}))
