"""A sample of very many images: seeded, by split and class, whole families; and nothing is held of all at once."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawing import jpeg, write_tree
from manifests import make_manifest, manifests, many_photos
from petmood.build import pet_rule
from petmood.dataset import open_dataset
from petmood.dataset.sample import LEAST, MANY, sample_rows
from petmood.families.local import find_local_features
from petmood.families.store import local_features
from petmood.records import Manifest
from petmood.training.heads import NeighbourVote


def test_up_to_the_limit_all_are_taken() -> None:
    manifest = many_photos(40, 2)
    np.testing.assert_array_equal(sample_rows(manifest, 1, len(manifest)), np.arange(len(manifest)))
    np.testing.assert_array_equal(sample_rows(manifest, 1), np.arange(len(manifest)))


@given(manifests(leaky=True), st.integers(1, 30), st.integers(0, 3))
def test_a_family_is_in_the_sample_whole_or_not_at_all(manifest: Manifest, most: int, seed: int) -> None:
    rows = sample_rows(manifest, seed, most)
    families = manifest.family_index
    inside = np.isin(families, families[rows])
    np.testing.assert_array_equal(np.flatnonzero(inside), rows)
    np.testing.assert_array_equal(rows, sample_rows(manifest, seed, most))


def test_each_class_of_each_split_has_its_share_and_a_rare_one_enough_to_be_judged_by() -> None:
    sizes = {"a": 900, "b": 900, "rare": 40}
    rows = [(c, s, f"{c}{s}{i}", False) for s in ("train", "test") for c, size in sizes.items() for i in range(size)]
    manifest = make_manifest(rows, official=True)
    drawn = manifest.subset(sample_rows(manifest, 7, 800))
    counts = {(r.class_name, r.split): 0 for r in drawn.records}
    for record in drawn.records:
        counts[record.class_name, record.split] += 1
    assert counts == {(c, s): LEAST if c == "rare" else 196 for c in sizes for s in ("train", "test")}
    other = sample_rows(manifest, 8, 800)
    assert len(other) == len(drawn)
    assert set(other.tolist()) != set(sample_rows(manifest, 7, 800).tolist())


def test_many_classes_do_not_make_the_sample_large() -> None:
    rows = [(f"c{i % 300:03d}", "train", f"f{i}", False) for i in range(30_000)]
    assert len(sample_rows(make_manifest(rows), 0, 3_000)) <= 3_000
    assert MANY == 10_000


def test_species_are_told_in_parts_as_they_are_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_tree(tmp_path / "d", {f"{'ab'[i % 2]}/{i}.jpg": jpeg(i) for i in range(9)})
    with open_dataset(folder, families="names", splits=False) as data:
        assert data.species is not None
        assert data._features
    monkeypatch.setattr("petmood.dataset.dataset.MANY", 8)
    monkeypatch.setattr("petmood.dataset.dataset._PART", 4)
    with open_dataset(folder, families="names", splits=False) as again:
        assert again.species is not None
        assert not again._features
        np.testing.assert_allclose(again.species.probabilities, data.species.probabilities, rtol=1e-12)


def test_local_features_are_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("petmood.families.store._HELD", 2)
    folder = write_tree(tmp_path / "d", {f"{'ab'[i % 2]}/{i}.jpg": jpeg(i) for i in range(5)})
    with open_dataset(folder, families="names", splits=False) as data:
        found = list(local_features(data.records, data.pictures, data.cache))
        for record, one in zip(data.records, found, strict=True):
            np.testing.assert_array_equal(one.grey, find_local_features(data.pictures.picture(record)).grey)


def peak_mib(work: object) -> float:
    tracemalloc.start()
    try:
        work()  # type: ignore[operator]
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


def test_distances_to_all_training_photos_are_never_held_together(monkeypatch: pytest.MonkeyPatch) -> None:
    rng, n = np.random.default_rng(0), 8_000
    unit = rng.normal(size=(n, 8)).astype(np.float32)
    rows = np.arange(n)
    found: list[np.ndarray] = []
    # n x n would be 244 MiB of singles
    assert peak_mib(lambda: found.append(pet_rule._distance(unit, unit, rows, rows))) < 180
    some = rows[:300]
    at_once = pet_rule._distance(unit[some], unit, some, rows)
    monkeypatch.setattr(pet_rule, "_CELLS", 100_000)
    np.testing.assert_allclose(pet_rule._distance(unit[some], unit, some, rows), at_once, rtol=1e-6)
    np.testing.assert_allclose(found[0][:300], at_once, rtol=1e-6)


def test_neighbours_vote_without_all_distances(monkeypatch: pytest.MonkeyPatch) -> None:
    rng, n = np.random.default_rng(0), 4_000
    rows, labels = rng.normal(size=(n, 4)), np.array(["a", "b"])[rng.integers(0, 2, n)]
    model = NeighbourVote().fit(rows, labels)
    votes = model.predict_proba(rows[:500])
    monkeypatch.setattr("petmood.training.heads._WORKING_MIB", 1)
    # n x n would be 122 MiB of doubles
    assert peak_mib(lambda: model.predict_proba(rows)) < 40
    np.testing.assert_array_equal(model.predict_proba(rows[:500]), votes)
