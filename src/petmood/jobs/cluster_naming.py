"""Cluster first, label after: photos -> clusters and sheets to look at; named clusters -> labels.csv and its worth."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from petmood.cluster.naming import Grouping, group
from petmood.config import RunSettings
from petmood.dataset import Dataset, open_as
from petmood.dataset.figures import identity_of
from petmood.dataset.models import head
from petmood.errors import DataError
from petmood.escaping import csv_text, from_csv_cell
from petmood.evaluation.association import cross_table
from petmood.evaluation.protocols import grouped
from petmood.evaluation.statistics import agreement, mean_interval, paired_facts
from petmood.files import output_file, output_folder
from petmood.given import read_given
from petmood.jobs.provenance import MANIFEST, write_source
from petmood.labels import EXCLUDED, apply_labels, write_labels
from petmood.progress import Progress
from petmood.records import IntArray, Manifest
from petmood.results import AgreementFacts, GroupFacts, NamedFacts
from petmood.store import read_json, write_json, write_manifest, write_text
from petmood.tables import same_name

FACTS: Final = "clusters.json"
MEMBERS: Final = "clusters.csv"
NAMES: Final = "names.csv"
SHEET: Final = "clusters.html"
LABELS: Final = "labels.csv"
CENTRAL: Final = 12
DOUBTFUL: Final = 6


def cluster(
    data: Path,
    out: Path,
    settings: RunSettings,
    progress: Progress | None = None,
    *,
    method: str = "kmeans",
    k: int | None = None,
) -> GroupFacts:
    """Cluster the photos of a folder, labelled or not, and write what is needed to name the clusters.

    Writes into `out`: clusters.html (faces of each cluster), clusters.csv (cluster and confidence of each photo),
    names.csv (to be filled in) and clusters.json (the facts). Names that were given before are kept.
    """
    from petmood.report.html import render_sheets

    with output_folder(out, [data], keep=[NAMES]) as folder, _open(data, settings, progress) as opened:
        photos, timed = opened.photos, opened.timed
        features = photos.features(settings.backbone)
        with timed.stage("cluster", "Clustering"):
            found = group(features.vectors, method=method, k=k, seed=settings.seed)
        write_manifest(folder / MANIFEST, opened.manifest)
        write_source(folder, data, None)
        with timed.stage("sheets", "Writing sheets"):
            facts = save_groups(folder, photos.manifest, found, features.backbone, settings.seed)
            render_sheets(facts, opened.thumbnail, folder / SHEET)
    return facts


def _open(data: Path, settings: RunSettings, progress: Progress | None) -> Dataset:
    """The data set as it came, with or without labels."""
    return open_as(data, settings, progress, labelled=False, splits=False)


def save_groups(out: Path, manifest: Manifest, found: Grouping, backbone: str, seed: int) -> GroupFacts:
    """Write clusters.json, clusters.csv and, unless it is there already, names.csv.

    Args:
        out: the folder.
        manifest: the photos, a record each.
        found: their clusters.
        backbone: name of the network that made the features.
        seed: of the clustering.
    """
    records, labels = manifest.records, manifest.class_index
    order = np.argsort(-found.confidence, kind="stable")
    inside = [[int(i) for i in order if found.clusters[i] == c] for c in range(found.k)]
    facts = GroupFacts(
        data=manifest.name,
        backbone=backbone,
        method=found.method,
        k=found.k,
        seed=seed,
        n=len(records),
        silhouettes={str(count): round(score, 6) for count, score in found.silhouettes.items()},
        sizes=tuple(len(rows) for rows in inside),
        composition=tuple(
            {name: int((labels[rows] == i).sum()) for i, name in enumerate(manifest.classes)} for rows in inside
        )
        if manifest.classes
        else (),
        central=tuple(tuple(records[i].path for i in rows[:CENTRAL]) for rows in inside),
        doubtful=tuple(tuple(records[i].path for i in rows[CENTRAL:][-DOUBTFUL:][::-1]) for rows in inside),
    )
    write_json(out / FACTS, facts.model_dump(mode="json"))
    rows = zip(records, found.clusters, found.confidence, strict=True)
    table = [(r.path, str(c + 1), f"{v:.4f}") for r, c, v in rows]
    write_text(out / MEMBERS, csv_text([("path", "cluster", "confidence"), *table]))
    if not (out / NAMES).exists():
        write_names(out / NAMES, dict.fromkeys(range(1, found.k + 1), ""))
    return facts


def write_names(path: Path, names: Mapping[int, str]) -> None:
    """Write names.csv: a row a cluster, numbered from 1; "" is no name."""
    write_text(path, csv_text([("cluster", "name"), *((str(number), name) for number, name in sorted(names.items()))]))


def name_clusters(
    data: Path,
    folder: Path,
    settings: RunSettings,
    progress: Progress | None = None,
    *,
    names: Path | None = None,
    confidence: float = 0.0,
) -> NamedFacts:
    """Name clusters, write labels.csv for the photos that are sure enough, and say what these labels are worth.

    Args:
        data: the folder or .zip that was clustered.
        folder: what `cluster` wrote.
        settings: backbone, folds and seed.
        progress: where to show it.
        names: CSV with the columns `cluster` and `name`; names.csv of `folder` if None. A cluster without a name gives
            no labels; the name "not-a-pet" takes its photos out.
        confidence: photos below it get no label.
    """
    with output_file(folder / LABELS, [data, names]) as made, _open(data, settings, progress) as opened:
        photos = opened.photos
        photos.features(settings.backbone)
        clusters, sure = read_members(folder, photos.manifest)
        named = read_names(names or folder / NAMES, int(clusters.max()) + 1)
        wanted = {
            record.path: named[int(c)]
            for record, c, v in zip(photos.manifest.records, clusters, sure, strict=True)
            if named.get(int(c)) and v >= confidence
        }
        if not wanted:
            raise DataError(f"no photo gets a label: no cluster has a name in {names or folder / NAMES}. Fill it in.")
        write_labels(made, wanted)
        with opened.timed.stage("worth", "Training on the new labels"):
            return _worth(opened.manifest, photos, wanted, named, confidence, settings)


def read_members(folder: Path, manifest: Manifest) -> tuple[IntArray, np.ndarray[Any, np.dtype[np.float64]]]:
    """Cluster (from 0) and confidence of each photo, as `cluster` wrote them."""
    read_json(folder / FACTS)
    try:
        with (folder / MEMBERS).open(encoding="utf-8", newline="") as handle:
            rows = {
                from_csv_cell(row["path"]): (int(row["cluster"]) - 1, float(row["confidence"]))
                for row in csv.DictReader(handle)
            }
        found = [rows[record.path] for record in manifest.records]
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise DataError(f"{folder / MEMBERS} does not fit the data. Run petmood cluster again.") from error
    return np.array([c for c, _ in found], dtype=np.int64), np.array([v for _, v in found])


def read_names(path: Path, k: int) -> dict[int, str]:
    """Cluster (from 0) -> its name in names.csv, "" if it has none.

    Raises:
        DataError: the file cannot be read, or a line names a cluster that is not there, or for the second time.
    """
    try:
        text = read_given(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"cannot read {path}: {error}. It needs the columns cluster,name.") from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if not {"cluster", "name"} <= set(reader.fieldnames or ()):
        raise DataError(f"{path}, line 1: the columns must be cluster,name, got {reader.fieldnames}.")
    found: dict[int, str] = {}
    for row in reader:
        number = (row["cluster"] or "").strip()
        if not number.isdecimal() or not 1 <= int(number) <= k:
            raise DataError(f"{path}, line {reader.line_num}: there is no cluster '{number}'; they are 1 to {k}.")
        if int(number) - 1 in found:
            raise DataError(f"{path}, line {reader.line_num}: cluster {number} is named twice. Keep one line.")
        found[int(number) - 1] = (row["name"] or "").strip()
    return found


def _worth(
    whole: Manifest, photos: Dataset, wanted: dict[str, str], named: dict[int, str], cut: float, settings: RunSettings
) -> NamedFacts:
    manifest, families = photos.manifest, {r.path: r.family for r in photos.manifest.records}
    bare = replace(
        manifest, classes=(), layout="flat", records=tuple(replace(r, class_name="") for r in manifest.records)
    )
    by_family = {families[path]: _spelled(name, manifest.classes) for path, name in wanted.items()}
    fresh = apply_labels(bare, by_family)
    position = {r.path: i for i, r in enumerate(manifest.records)}
    rows = np.array([position[r.path] for r in fresh.records], dtype=np.int64)
    protocol = grouped(fresh, settings.folds, settings.seed)
    renamed = photos.subset(rows).relabelled(fresh)
    made = renamed.predictions(head(settings.backbone), protocol)
    right = made.hits(fresh)
    compared = None
    if set(fresh.classes) <= set(manifest.classes):
        compared = _agreement(whole, photos, renamed, rows, made.predicted, settings)
    return NamedFacts(
        names={str(c + 1): name for c, name in sorted(named.items()) if name},
        confidence=cut,
        n=len(manifest),
        labelled=len(fresh),
        excluded=sum(name == EXCLUDED for name in by_family.values()),
        by_class={name: int((fresh.class_index == i).sum()) for i, name in enumerate(fresh.classes)},
        protocol=protocol.name,
        accuracy=float(right.mean()),
        accuracy_ci=mean_interval(right),
        agreement=compared,
    )


def _spelled(name: str, classes: tuple[str, ...]) -> str:
    return next((c for c in classes if same_name(c) == same_name(name)), name)


def _agreement(
    whole: Manifest,
    photos: Dataset,
    renamed: Dataset,
    rows: IntArray,
    predicted: IntArray,
    settings: RunSettings,
) -> AgreementFacts:
    """New labels against the original ones, and models trained on either against the original ones."""
    classes, fresh = photos.classes, renamed.manifest
    column = np.array([classes.index(name) for name in fresh.classes])
    original, given = photos.labels[rows], column[fresh.class_index]
    found = agreement(original.tolist(), given.tolist())
    table = cross_table(original, given, len(classes), len(classes))
    # the figure that every page gives for the original labels, on the photos that were named
    protocol, model = grouped(photos.manifest, settings.folds, settings.seed), head(settings.backbone)
    theirs = photos.predictions(model, protocol)
    known = dict(zip(theirs.index.tolist(), theirs.predicted.tolist(), strict=True))
    own = np.array([known[i] for i in rows.tolist()])
    trained = paired_facts(
        column[predicted] == original,
        own == original,
        name="trained on the named clusters",
        reference="trained on the original labels",
        protocol=protocol.name,
        reference_identity=identity_of(whole, model.name, protocol),
    )
    return AgreementFacts(
        n=len(rows),
        kappa=found.kappa,
        kappa_ci=found.kappa_ci,
        classes=classes,
        confusion=tuple(tuple(int(v) for v in row) for row in table),
        trained=trained,
    )
