"""Clusters of a run are written down to be named, and names go to the clusters that were named."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from petmood.jobs.cluster_naming import read_members, read_names, write_names
from petmood.labels import Decision
from petmood.records import FeatureTable
from petmood.review.clusters import groups_of_folder, groups_of_run, save_names
from review_fixtures import drawn_run

MADE = {"k": 3, "n_init": 2, "seed": 1}


def test_clusters_of_a_run_are_those_of_the_folder_that_is_named(tmp_path: Path) -> None:
    run, whole = drawn_run(tmp_path)
    manifest = whole.subset(whole.photo_index)
    which = np.array([int(Path(r.path).stem) % 3 for r in manifest.records])
    noise = np.random.default_rng(0).normal(size=(len(which), 6)).astype(np.float32)
    features = FeatureTable("drawn", noise + 20 * np.eye(6, dtype=np.float32)[which], None, "drawn")
    made = groups_of_run(run, features, manifest, MADE)
    assert sorted(group.size for group in made.groups) == sorted(np.bincount(which))
    for group in made.groups:
        assert len({Path(path).stem for path in group.members} & {"0", "1", "2"}) == 1  # a planted group, whole
        assert set(group.central) | set(group.doubtful) <= set(group.members)
        assert sum(group.composition.values()) == group.size
    assert len({group.id for group in made.groups}) == 3
    again = groups_of_folder(made.folder, manifest)
    assert again.groups == made.groups
    clusters, sure = read_members(made.folder, manifest)
    np.testing.assert_array_equal(clusters, made.clusters)
    assert 0 <= sure.min() <= sure.max() <= 1
    assert read_names(made.folder / "names.csv", 3) == {0: "", 1: "", 2: ""}

    first, second, third = made.groups
    write_names(made.folder / "names.csv", {1: "by hand", 2: "by hand", 3: ""})
    standing = {third.id: Decision(third.id, "label", "calm")}
    save_names(made.folder, "names.csv", made.groups, standing, {second.id, third.id})
    named = read_names(made.folder / "names.csv", 3)
    # never decided about: kept; taken back: gone; standing: written
    assert [named[g.number - 1] for g in (first, second, third)] == ["by hand", "", "calm"]
