"""A data set that has been read -> every fact of `petmood run`, and the model that it saves: all the long work."""

from __future__ import annotations

from pathlib import Path

from threadpoolctl import threadpool_limits

from petmood.cache import ContentCache
from petmood.cluster.kmeans import kmeans_facts
from petmood.config import RunSettings
from petmood.errors import is_there
from petmood.evaluate.leaderboard import compare_models
from petmood.features import extract_features, load_backbone
from petmood.progress import Timed
from petmood.records import FeatureTable, Manifest
from petmood.results import ClusterFacts, Results, put_mark
from petmood.sources import Source
from petmood.workflows.audit import audit_facts
from petmood.workflows.bundles import save_head_bundle
from petmood.workflows.causes import causes_facts
from petmood.workflows.cnn import cnn_facts
from petmood.workflows.environment import environment
from petmood.workflows.facts import dataset_facts
from petmood.workflows.families import Ingested
from petmood.workflows.frozen import baseline_facts, head_facts, leak_mark, simple_facts
from petmood.workflows.honesty import honesty_facts
from petmood.workflows.photos import photos_of
from petmood.workflows.simple import simple_subjects
from petmood.workflows.species import has_imagenet_head, species_facts, species_from_file
from petmood.workflows.suspects import label_facts
from petmood.workflows.thumbnails import thumbnailer


def all_facts(
    source: Source,
    ingested: Ingested,
    manifest: Manifest,
    settings: RunSettings,
    cache: ContentCache,
    timed: Timed,
    model: Path,
    species: Path | None,
) -> Results:
    """Audit, features, clusters, models, evaluation; saves the model as a bundle unless the splits leak.

    Args:
        source: the data.
        ingested: the data set as read, with what pixels say of its families.
        manifest: the same with complete splits.
        settings: what to do.
        cache: keeps finished work by content.
        timed: shows and times the stages.
        model: where the bundle goes.
        species: CSV with the species of every photo, if given.

    Raises:
        PetmoodError: anything the user can mend.
    """
    with timed.stage("audit", "Auditing the data set") as tick:
        audit = audit_facts(source, ingested, manifest, settings, cache, tick)
    # regressions on some hundred rows are too small to share: a second thread costs far more than it brings
    with threadpool_limits(1, "blas"):
        results = _results(source, manifest, settings, cache, timed, model, species)
    results = results.model_copy(update={"audit": audit})
    mark = leak_mark(manifest)
    return put_mark(results, mark) if mark else results


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
        labels = label_facts([photos], settings, cache) if is_there("cleanlab") else None
    with timed.stage("causes", "Measuring what would help"):
        causes = causes_facts(features, manifest, source, backbone, settings, cache, species=species, labels=labels)
    if settings.cnn and is_there("torch"):
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


def draw_page(results: Results, source: Source, manifest: Manifest, cache: ContentCache) -> str:
    """The report, without the section that tells how this very run went."""
    from petmood.report.html import lasting_html

    return lasting_html(results, thumbnailer(source, manifest, cache))
