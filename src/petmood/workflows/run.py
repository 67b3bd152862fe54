"""`petmood run`: a folder or zip of labelled faces -> a run folder with manifest, results and report."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, replace
from pathlib import Path

from threadpoolctl import threadpool_limits

from petmood.cache import ContentCache
from petmood.cluster.kmeans import kmeans_facts
from petmood.config import RunSettings
from petmood.evaluate.leaderboard import compare_models
from petmood.features import extract_features, load_backbone
from petmood.progress import Progress, Silent, Timed
from petmood.records import FeatureTable, Manifest
from petmood.results import ClusterFacts, Results, put_mark
from petmood.sources import Source, open_source
from petmood.split import complete_splits, official_fold
from petmood.store import write_json, write_manifest
from petmood.workflows.audit import audit_facts
from petmood.workflows.bundles import save_head_bundle
from petmood.workflows.causes import causes_facts
from petmood.workflows.cnn import cnn_facts
from petmood.workflows.environment import environment
from petmood.workflows.facts import dataset_facts
from petmood.workflows.families import ingest
from petmood.workflows.folders import claim_run_folder, write_source
from petmood.workflows.frozen import baseline_facts, head_facts, leak_mark, simple_facts
from petmood.workflows.honesty import honesty_facts
from petmood.workflows.photos import photos_of
from petmood.workflows.simple import simple_subjects
from petmood.workflows.species import has_imagenet_head, species_facts, species_from_file
from petmood.workflows.suspects import label_facts
from petmood.workflows.thumbnails import thumbnailer


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """Where a run put its files, and what it found."""

    folder: Path
    report: Path
    results: Results


def run(
    data: Path,
    out: Path,
    settings: RunSettings,
    progress: Progress | None = None,
    *,
    labels: Path | None = None,
    groups: Path | None = None,
    species: Path | None = None,
) -> RunOutcome:
    """Do the whole main job: ingest, audit, features, clusters, models, evaluation, report.

    Finished work is kept in the cache by content, so that an interrupted run resumes and a repeated one is quick.

    Args:
        data: folder or .zip of labelled images.
        out: run folder; made if absent, and reused only if it is a run folder.
        settings: what to do.
        progress: where to show it.
        labels: labels.csv whose labels replace the data's, if given.
        groups: groups.csv whose groups replace the families found, if given.
        species: CSV with the species of every photo, for animals that ImageNet does not know; else the head tells.

    Raises:
        PetmoodError: anything the user can mend.
    """
    timed = Timed(progress or Silent())
    with open_source(data) as source:
        claim_run_folder(out, data)
        cache = ContentCache()
        ingested = ingest(source, cache, timed, mode=settings.families, labels=labels, groups=groups)
        manifest = replace(complete_splits(ingested.manifest, settings.seed), allow_leakage=settings.allow_leakage)
        # a leak shows before any time is spent on figures that it would spoil
        official_fold(manifest)
        write_manifest(out / "manifest.parquet", manifest)
        write_source(out, data, labels)
        with timed.stage("audit", "Auditing the data set") as tick:
            audit = audit_facts(source, ingested, manifest, settings, cache, tick)
        # regressions on some hundred rows are too small to share: a second thread costs far more than it brings
        with threadpool_limits(1, "blas"):
            results = _results(source, manifest, settings, cache, timed, out / "model", species)
        results = results.model_copy(update={"audit": audit})
        if mark := leak_mark(manifest):
            results = put_mark(results, mark)
        with timed.stage("report", "Writing the report"):
            report = out / "report.html"
            write_json(out / "results.json", results.model_dump(mode="json", by_alias=True))
            _render(results, source, manifest, cache, report)
    return RunOutcome(out, report, results)


def _results(
    source: Source,
    manifest: Manifest,
    settings: RunSettings,
    cache: ContentCache,
    timed: Timed,
    model: Path,
    given: Path | None,
) -> Results:
    dataset = dataset_facts(manifest, settings)
    with timed.stage("backbone", f"Loading {settings.backbone}"):
        backbone = load_backbone(settings.backbone)
    with timed.stage("features", "Extracting features") as tick:
        features = extract_features(manifest, source, backbone, cache, progress=tick)
    with timed.stage("clusters", "Clustering"):
        clusters = _clusters(features, manifest, settings, cache)
    with timed.stage("heads", "Classifying frozen features"):
        models = head_facts(features, manifest, settings, cache)
        subjects = simple_subjects(features, manifest, source, cache, settings.seed)
        baselines = (*baseline_facts(manifest, settings), *simple_facts(subjects, manifest, settings, cache))
    with timed.stage("species", "Measuring species against mood"):
        photos = photos_of(features, manifest)
        told = None if given is None else species_from_file(photos, given)
        species = species_facts(photos, settings, cache, told) if told or has_imagenet_head(photos) else None
    if leak_mark(manifest) is None:
        # a model whose figures count memory as skill is not one to hand out
        with timed.stage("bundle", "Saving the model"):
            save_head_bundle(model, source, manifest, features, backbone, settings, cache)
    with timed.stage("labels", "Looking for suspect labels"):
        labels = label_facts([photos], settings, cache) if importlib.util.find_spec("cleanlab") else None
    with timed.stage("causes", "Measuring what would help"):
        causes = causes_facts(features, manifest, source, backbone, settings, cache, species=species, labels=labels)
    if settings.cnn:
        with timed.stage("cnn", f"Training the study's CNN at {settings.cnn_size} pixels") as tick:
            models = (*models, cnn_facts(source, manifest, settings, cache, tick))
    leakage, protocols, calibration = honesty_facts(manifest, features, subjects, settings, cache, timed)
    return Results(
        dataset=dataset,
        clusters=(clusters,),
        models=models,
        baselines=baselines,
        leakage=leakage,
        comparison=compare_models(models, baselines),
        protocols=protocols,
        calibration=calibration,
        environment=environment(settings, timed.seconds, cache),
        species=species,
        labels=labels,
        causes=causes,
    )


def _clusters(features: FeatureTable, manifest: Manifest, settings: RunSettings, cache: ContentCache) -> ClusterFacts:
    k, n_init, seed = len(manifest.classes), settings.n_init, settings.seed
    kept = cache.remember(
        "clusters/v1",
        [manifest.digest, features.key, k, n_init, seed],
        lambda: kmeans_facts(features, manifest, k=k, n_init=n_init, seed=seed).model_dump(mode="json"),
    )
    return ClusterFacts.model_validate(kept)


def _render(results: Results, source: Source, manifest: Manifest, cache: ContentCache, report: Path) -> None:
    from petmood.report.html import render_report

    render_report(results, thumbnailer(source, manifest, cache), report)
