"""An open data set -> every fact of `petmood run`, and the model that it saves: all the long work."""

from __future__ import annotations

from pathlib import Path

from threadpoolctl import threadpool_limits

from petmood.analyses.audit.compute import audit_facts
from petmood.analyses.calibration.compute import honesty_facts
from petmood.analyses.causes.compute import causes_facts
from petmood.analyses.labels.compute import label_facts
from petmood.analyses.species.compute import species_facts
from petmood.build.heads import save_head_bundle
from petmood.build.study_networks import cnn_facts
from petmood.cluster.kmeans import kmeans_facts
from petmood.config import RunSettings
from petmood.dataset import Dataset
from petmood.dataset.facts import dataset_facts
from petmood.dataset.figures import baseline_models, figures, leak_mark
from petmood.dataset.models import head
from petmood.errors import is_there
from petmood.evaluation.leaderboard import compare_models
from petmood.features import Backbone, load_backbone
from petmood.jobs.provenance import environment
from petmood.results import ClusterFacts, ComparisonFacts, Results, SpeciesFacts, put_mark


def all_facts(data: Dataset, settings: RunSettings, model: Path) -> Results:
    """Audit, features, clusters, models, evaluation; saves the model as a bundle unless the splits leak.

    Args:
        data: with complete splits.
        settings: what to do.
        model: where the bundle goes.

    Raises:
        PetmoodError: anything the user can mend.
    """
    timed = data.timed
    with timed.stage("audit", "Auditing the data set"):
        audit = audit_facts(data, settings)
    # regressions on some hundred rows are too small to share: a second thread costs far more than it brings
    with threadpool_limits(1, "blas"):
        results = _results(data, settings, model)
    results = results.model_copy(update={"audit": audit})
    mark = leak_mark(data.manifest)
    return put_mark(results, mark) if mark else results


def _results(data: Dataset, settings: RunSettings, model: Path) -> Results:
    timed, manifest = data.timed, data.manifest
    with timed.stage("backbone", f"Loading {settings.backbone}"):
        backbone = load_backbone(settings.backbone)
    data.features(backbone)
    with timed.stage("clusters", "Clustering"):
        clusters = _clusters(data, backbone, settings)
    with timed.stage("heads", "Classifying frozen features"):
        models = figures(data, head(backbone), settings)
        baselines = tuple(fact for one in baseline_models(data) for fact in figures(data, one, settings))
    with timed.stage("species", "Measuring species against mood"):
        species = None if data.species is None else species_facts(data, settings)
    if leak_mark(manifest) is None:
        # a model whose figures count memory as skill is not one to hand out
        with timed.stage("bundle", "Saving the model"):
            save_head_bundle(model, data, backbone, settings)
    with timed.stage("labels", "Looking for suspect labels"):
        labels = label_facts(data, [backbone], settings) if is_there("cleanlab") else None
    with timed.stage("causes", "Measuring what would help"):
        causes = causes_facts(data, backbone, settings, species=species, labels=labels)
    if settings.cnn and is_there("torch"):
        with timed.stage("cnn", f"Training the study's CNN at {settings.cnn_size} pixels") as tick:
            models = (*models, cnn_facts(data, settings, tick))
    leakage, protocols, calibration = honesty_facts(data, backbone, settings)
    comparison = compare_models(models, baselines)
    return Results(
        dataset=dataset_facts(manifest, settings),
        clusters=(clusters,),
        models=models,
        baselines=baselines,
        leakage=leakage,
        comparison=comparison,
        protocols=protocols,
        calibration=calibration,
        environment=environment(data, settings),
        species=None if species is None else _as_compared(species, comparison),
        labels=labels,
        causes=causes,
    )


def _as_compared(species: SpeciesFacts, comparison: ComparisonFacts) -> SpeciesFacts:
    """One pair, one answer: the model against species alone, corrected as the report's table of all pairs is."""
    pair = species.over_species
    for found in comparison.above_species:
        if pair.identity is not None and (found.model, found.protocol) == (pair.identity.model, pair.protocol):
            corrected = {"gain_ci": found.difference_ci, "p": found.p, "comparisons": found.comparisons}
            return species.model_copy(update={"over_species": pair.model_copy(update=corrected)})
    return species


def _clusters(data: Dataset, backbone: Backbone, settings: RunSettings) -> ClusterFacts:
    k, n_init, seed = len(data.classes), settings.n_init, settings.seed
    features = data.features(backbone)
    kept = data.cache.remember(
        "clusters/v2",
        [data.manifest.digest, features.key, k, n_init, seed],
        lambda: kmeans_facts(features, data.manifest, k=k, n_init=n_init, seed=seed).model_dump(mode="json"),
    )
    return ClusterFacts.model_validate(kept)


def draw_page(results: Results, data: Dataset) -> str:
    """The report, without the section that tells how this very run went."""
    from petmood.report.html import lasting_html

    return lasting_html(results, data.thumbnail)
