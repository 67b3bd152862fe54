"""`petmood study`: a folder or zip of labelled faces -> the reference study, replicated section by section."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from petmood.cluster.tuning import Labels, tune
from petmood.config import StudySettings
from petmood.dataset import Dataset, open_dataset
from petmood.dataset.figures import dataset_facts, majority_facts
from petmood.errors import require_extra
from petmood.features.species import SPECIES
from petmood.files import output_folder
from petmood.jobs.provenance import environment, provenance, write_source
from petmood.progress import Progress
from petmood.records import FeatureTable, IntArray, Manifest
from petmood.results import FaceMap, MapPoint, Results, StudyFacts, Tuning
from petmood.split import official_fold
from petmood.store import write_json, write_manifest
from petmood.study import published
from petmood.study.clusters import Chosen, Clustered, choose, cluster, describe, feedings
from petmood.study.compare import StudyComparison, compare, is_same_data
from petmood.study.exploration import eda_facts, perplexity_for, place, species_of
from petmood.study.networks import plan, train_one
from petmood.training.networks import list_networks

__all__ = ["StudyOutcome", "study"]


@dataclass(frozen=True, slots=True)
class StudyOutcome:
    """Where a study put its files, and what it found."""

    folder: Path
    report: Path
    results: Results


def study(
    data: Path, out: Path, settings: StudySettings, progress: Progress | None = None, *, labels: Path | None = None
) -> StudyOutcome:
    """Repeat the reference study from end to end, and set its figures beside ours.

    Finished work is kept in the cache by content, and a network's training after each epoch, so that an interrupted
    study resumes and a repeated one is quick.

    Args:
        data: folder or .zip of labelled images.
        out: run folder; made if absent, and reused only if it is a run folder.
        settings: what to do.
        progress: where to show it.
        labels: labels.csv whose labels replace the data's, if given.
    """
    require_extra("Training the study's networks", "train", "torch")
    # backbones that cannot be had are told of before any image is read
    chosen = choose(settings)
    with (
        output_folder(out, [data], beside=[labels]) as folder,
        open_dataset(data, seed=settings.seed, labels=labels, progress=progress) as opened,
    ):
        ordered = opened.relabelled(in_study_order(opened.manifest))
        official_fold(ordered.manifest)
        write_manifest(folder / "manifest.csv", ordered.manifest)
        write_source(folder, data, labels)
        results = _results(ordered, settings, chosen)
        with ordered.timed.stage("report", "Writing the report"):
            from petmood.report.study import render_study

            write_json(folder / "results.json", results.model_dump(mode="json", by_alias=True))
            render_study(results, ordered.thumbnail, folder / "study.html")
    return StudyOutcome(out, out / "study.html", results)


def in_study_order(manifest: Manifest) -> Manifest:
    """The same data with its classes in the study's order: happy, Sad, Angry, Other, then any others."""
    rank = {name.casefold(): i for i, name in enumerate(published.ORDER)}
    classes = sorted(manifest.classes, key=lambda name: (rank.get(name.casefold(), len(rank)), name.casefold()))
    return replace(manifest, classes=tuple(classes))


def _results(data: Dataset, settings: StudySettings, chosen: list[Chosen]) -> Results:
    manifest, timed = data.manifest, data.timed
    with timed.stage("eda", "Looking at the data") as tick:
        dataset = dataset_facts(manifest, settings)
        species = species_of(data)
        eda = eda_facts(data, species, tick)
    runs: dict[str, list[Clustered]] = {feeding: [] for feeding in feedings(settings)}
    backbones = []
    for one in chosen:
        for feeding, found in runs.items():
            with timed.stage("kmeans", f"K-means on {one.title}, {feeding} preprocessing") as tick:
                clustered, shape = cluster(one, feeding, data, settings, tick)
            found.append(clustered)
        backbones.append(describe(one, manifest, shape))
    last = next(reversed(runs.values()))[0]
    tuning, face_map = _without_labels(data, settings.seed, chosen[0], species, last.assigned)
    trained = [train_one(data, name, how) for name, how in plan(settings)]
    networks = list_networks(len(manifest.classes), settings.cnn_size)
    every = [c for i in range(len(chosen)) for found in runs.values() for c in found[i : i + 1]]
    models, trainings = [m for m, _ in trained], [t for _, t in trained]
    same = is_same_data(manifest) and data.origin.labels is None
    faithful = settings.cnn_size == published.TARGET_SIZE and settings.cnn_epochs == published.EPOCHS_RUN["cnn1"]
    fed_as_study = [c.seeds for c in runs.get("study", [])]
    rows = compare(
        manifest, backbones, fed_as_study, list_networks(), trainings, models, StudyComparison(same, faithful)
    )
    return Results(
        dataset=dataset,
        clusters=tuple(c.facts for c in every),
        models=(*(c.as_model for c in every), *models),
        baselines=majority_facts(data, settings)[:1],
        environment=environment(data, settings),
        provenance=provenance(data, settings, "study"),
        study=StudyFacts(
            same_data=same,
            epochs=settings.cnn_epochs,
            size=settings.cnn_size,
            pooling=settings.pooling,
            preprocess=feedings(settings),
            eda=eda,
            backbones=tuple(backbones),
            networks=networks,
            trainings=tuple(trainings),
            kmeans_seeds=tuple(c.seeds for c in every),
            tuning=tuning,
            face_map=face_map,
            comparison=rows,
        ),
    )


def _without_labels(
    data: Dataset, seed: int, chosen: Chosen, species: IntArray, assigned: IntArray
) -> tuple[Tuning, FaceMap]:
    """Clustering tuned without labels on pooled features of train, and the photos in the plane."""
    manifest, table = data.manifest, data.features(chosen.backbone)
    causes = [manifest.digest, table.key, seed]
    with data.timed.stage("tuning", "Clustering, tuned without labels"):
        train = manifest.in_split("train")
        labels = Labels(manifest.class_index[train], species[train])
        families = manifest.family_index[train]
        tuning = data.cache.remember_facts(
            "study-tuning/v2",
            Tuning,
            causes,
            lambda: tune(table.rows(train), families, labels, backbone=chosen.title, seed=seed),
        )
    with data.timed.stage("map", "Placing the photos in the plane"):
        face_map = _face_map(data, seed, table, chosen.title, species, assigned)
    return tuning, face_map


def _face_map(
    data: Dataset, seed: int, table: FeatureTable, title: str, species: IntArray, assigned: IntArray
) -> FaceMap:
    manifest = data.manifest
    photos = manifest.photo_index
    placed = data.cache.remember(
        "study-map/v1", [manifest.digest, table.key, seed], lambda: place(table.rows(photos), seed).round(4).tolist()
    )
    points = [
        MapPoint(
            path=manifest.records[i].path,
            x=x,
            y=y,
            class_name=manifest.records[i].class_name,
            species=SPECIES[int(species[i])],
            cluster=int(assigned[i]),
        )
        for i, (x, y) in zip(np.asarray(photos).tolist(), placed, strict=True)
    ]
    return FaceMap(
        method="t-SNE",
        backbone=title,
        perplexity=perplexity_for(len(photos)),
        seed=seed,
        points=tuple(points),
    )
