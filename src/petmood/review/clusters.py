"""Clusters of a run, or of `petmood cluster` -> sheets of faces to name on the review page, and names.csv."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from petmood.cluster.kmeans import fit_kmeans
from petmood.cluster.naming import Grouping
from petmood.dataset.sample import sample_rows
from petmood.errors import PetmoodError
from petmood.jobs.cluster_naming import FACTS, MEMBERS, NAMES, read_members, read_names, save_groups, write_names
from petmood.labels import EXCLUDED, Decision
from petmood.records import FeatureTable, IntArray, Manifest
from petmood.results import GroupFacts
from petmood.store import read_json

FOLDER: Final = "clusters"
"""Folder inside a run folder for its clusters and their names: what `petmood name-clusters` takes."""


@dataclass(frozen=True, slots=True)
class ReviewGroup:
    """One cluster to name.

    Attributes:
        id: names its members: another clustering of the same photos has other ids.
        number: from 1, the largest first in clusters made to be named.
        size: its photos.
        composition: photos by given label; empty where there are none.
        members: paths of all its photos, the most central first.
        central: paths of its most central photos.
        doubtful: paths of its most doubtful photos, the most doubtful first.
    """

    id: str
    number: int
    size: int
    composition: Mapping[str, int]
    members: tuple[str, ...]
    central: tuple[str, ...]
    doubtful: tuple[str, ...]


@dataclass(frozen=True)
class Groups:
    """Clusters to name, the folder they are kept in, and the cluster of each photo, from 0."""

    folder: Path
    groups: tuple[ReviewGroup, ...]
    clusters: IntArray


def made_to_be_named(run: Path) -> bool:
    """Whether a folder was made by `petmood cluster`."""
    return (run / FACTS).exists() and (run / MEMBERS).exists()


def groups_of_run(run: Path, features: FeatureTable, files: Manifest, made: Mapping[str, Any]) -> Groups:
    """K-means fitted as the run did, on the same rows, so that numbers are those of its report; the photos' clusters.

    Args:
        run: its folder; clusters are written down there to be named.
        features: of the run's files.
        files: the run's manifest.
        made: the run's facts on its clusters.
    """
    seen = sample_rows(files, made["seed"])
    rows, manifest = seen[files.subset(seen).photos_in_split("train")], files.subset(files.photo_index)
    model = fit_kmeans(features, rows, k=made["k"], n_init=made["n_init"], seed=made["seed"])
    vectors = features.rows(files.photo_index)
    distances = np.sort(model.transform(vectors), axis=1)
    assigned = np.asarray(model.predict(vectors), dtype=np.int64)
    sure = np.clip(1 - distances[:, 0] / np.maximum(distances[:, 1], 1e-12), 0.0, 1.0)
    found = Grouping("kmeans", int(made["k"]), assigned, sure, {})
    facts = save_groups(run / FOLDER, manifest, found, features.backbone, made["seed"])
    return Groups(run / FOLDER, _groups(facts, manifest, assigned, sure), assigned)


def backbone_of_folder(folder: Path) -> str:
    """The network whose features `petmood cluster` read."""
    return GroupFacts.model_validate(read_json(folder / FACTS)).backbone


def groups_of_folder(folder: Path, manifest: Manifest) -> Groups:
    """The clusters that `petmood cluster` wrote.

    Raises:
        DataError: its files do not fit the manifest.
    """
    clusters, sure = read_members(folder, manifest)
    facts = GroupFacts.model_validate(read_json(folder / FACTS))
    return Groups(folder, _groups(facts, manifest, clusters, sure), clusters)


def save_names(
    folder: Path, name: str, groups: Sequence[ReviewGroup], standing: Mapping[str, Decision], ever: set[str]
) -> None:
    """Write the names that stand into a file of the clusters' folder; clusters never decided about keep theirs.

    Args:
        folder: of the clusters.
        name: of the file.
        groups: all of them.
        standing: group id -> decision.
        ever: ids of groups that were decided about, taken back or not.
    """
    try:
        kept = read_names(folder / name, max(group.number for group in groups))
    except PetmoodError:  # not there yet, or of another clustering
        kept = {}
    names = {}
    for group in groups:
        decision = standing.get(group.id)
        if decision is not None:
            names[group.number] = EXCLUDED if decision.action == "exclude" else decision.label
        else:
            names[group.number] = "" if group.id in ever else kept.get(group.number - 1, "")
    write_names(folder / name, names)


def names_file(suffix: str) -> str:
    """The names of a reader: names.csv, or names-READER.csv."""
    return f"{Path(NAMES).stem}{suffix}.csv"


def _groups(
    facts: GroupFacts, manifest: Manifest, clusters: IntArray, sure: NDArray[np.float64]
) -> tuple[ReviewGroup, ...]:
    order = np.argsort(-sure, kind="stable")
    found = []
    for c, size in enumerate(facts.sizes):
        members = tuple(manifest.records[i].path for i in order if clusters[i] == c)
        if members:
            digest = hashlib.blake2b("\n".join(sorted(members)).encode(), digest_size=8).hexdigest()
            composition = facts.composition[c] if facts.composition else {}
            found.append(
                ReviewGroup(f"group-{digest}", c + 1, size, composition, members, facts.central[c], facts.doubtful[c])
            )
    return tuple(found)
