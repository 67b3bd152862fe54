"""An open data set -> every fact of `petmood run`, and the model that it saves: all the long work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from petmood.analyses import Analysis, Asked, Elsewhere
from petmood.build.heads import save_head_bundle
from petmood.build.study_networks import cnn_facts
from petmood.cluster.kmeans import kmeans_facts
from petmood.config import RunSettings
from petmood.dataset import Dataset
from petmood.dataset.figures import baseline_models, dataset_facts, figures, leak_mark
from petmood.dataset.models import head
from petmood.dataset.sample import sample_rows
from petmood.errors import TooFewError, is_there
from petmood.evaluation.leaderboard import compare_models
from petmood.features import Backbone, load_backbone
from petmood.jobs.meanwhile import TrainedMeanwhile
from petmood.jobs.provenance import environment
from petmood.records import IntArray
from petmood.report.cautions import caution
from petmood.results import ClusterFacts, ModelFacts, Results, put_mark
from petmood.results.base import Fact
from petmood.results.dataset import Warn
from petmood.threads import one_thread

_PICTURES: Final = 2**25
"""Bytes of decoded pictures that are kept of very many images: none is still there when it is asked for again."""


def all_facts(
    data: Dataset,
    settings: RunSettings,
    model: Path,
    analyses: Sequence[Analysis[Any]],
    elsewhere: Elsewhere | None = None,
) -> Results:
    """Features, clusters, models, and each analysis in turn; saves the model as a bundle unless the splits leak.

    Of very many images, models and most analyses see a sample; rows of photos in their facts are those of all images.

    Args:
        data: with complete splits.
        settings: what to do.
        model: where the bundle goes.
        analyses: what is asked of the data, in this order.
        elsewhere: further data sets, for the analyses that ask of them.
    """
    sample, rows = _sample(data, settings.seed)
    left_out = [] if sample is data else [_sampled("sampled", sample, data, settings)]
    if sample is not data:
        data.pictures.keep_at_most(_PICTURES)
    if elsewhere is not None:
        drawn = tuple(_sample(one, settings.seed)[0] for one in elsewhere.data)
        left_out += [
            _sampled("sampled-elsewhere", one, whole, settings)
            for one, whole in zip(drawn, elsewhere.data, strict=True)
            if one is not whole
        ]
        elsewhere = replace(elsewhere, data=drawn)
    for warn in left_out:
        data.timed.inner.note(caution(warn))
    # regressions on some hundred rows are too small to share: a second thread costs far more than it brings
    with one_thread("blas"), TrainedMeanwhile(sample, settings) as trained:
        core, backbone = _core(data, sample, settings, model)
        found: dict[str, Fact] = {}
        for one in analyses:
            try:
                with data.timed.stage(one.name, one.doing) as tick:
                    seen = data if one.of_all else sample
                    facts = one.compute(Asked(seen, backbone, settings, found, tick, elsewhere))
            except TooFewError as error:
                left_out.append(Warn(code=f"no-{one.name}", values={"title": one.title, "said": str(error)}))
                data.timed.inner.note(caution(left_out[-1]))
                continue
            if facts is not None:
                found[one.name] = facts
        models = (*core.models, *_networks(sample, settings, trained))
    comparison = compare_models(models, core.baselines)
    for one in analyses:
        if one.name in found and one.compared is not None:
            found[one.name] = one.compared(found[one.name], comparison)
    said = core.dataset.model_copy(update={"warnings": (*core.dataset.warnings, *left_out)})
    results = core.model_copy(
        update={
            **found,
            "dataset": said,
            "models": models,
            "comparison": comparison,
            "environment": environment(data, settings),
        }
    )
    if sample is not data:
        models, baselines = (tuple(_among_all(one, rows) for one in own) for own in (models, core.baselines))
        results = results.model_copy(update={"models": models, "baselines": baselines})
    mark = leak_mark(data.manifest)
    return put_mark(results, mark) if mark else results


def _sample(data: Dataset, seed: int) -> tuple[Dataset, IntArray]:
    """The images that models see, and which of all they are: all, but for very many."""
    rows = sample_rows(data.manifest, seed)
    return (data.subset(rows) if len(rows) < len(data) else data), rows


def _sampled(code: str, sample: Dataset, data: Dataset, settings: RunSettings) -> Warn:
    values: dict[str, int | float | str | dict[str, int]] = {
        "name": data.manifest.name,
        "images": len(sample),
        "photos": sample.manifest.n_photos,
        "of_images": len(data),
        "of_photos": data.manifest.n_photos,
        "seed": settings.seed,
    }
    return Warn(code=code, values=values)


def _among_all(figure: ModelFacts, rows: IntArray) -> ModelFacts:
    photos = tuple(rows[np.array(figure.photos, dtype=np.int64)].tolist())
    return figure.model_copy(update={"photos": photos, "basis": figure.basis or "sampled"})


def _core(whole: Dataset, data: Dataset, settings: RunSettings, model: Path) -> tuple[Results, Backbone]:
    timed, manifest = data.timed, whole.manifest
    with timed.stage("backbone", f"Loading {settings.backbone}"):
        backbone = load_backbone(settings.backbone)
    data.features(backbone)
    with timed.stage("clusters", "Clustering"):
        clusters = _clusters(data, backbone, settings)
    with timed.stage("heads", "Classifying frozen features"):
        models = figures(data, head(backbone), settings)
        baselines = tuple(fact for one in baseline_models(data) for fact in figures(data, one, settings))
    if leak_mark(manifest) is None:
        # a model whose figures count memory as skill is not one to hand out
        with timed.stage("bundle", "Saving the model"):
            save_head_bundle(model, data, backbone, settings)
    core = Results(
        dataset=dataset_facts(manifest, settings),
        clusters=(clusters,),
        models=models,
        baselines=baselines,
        environment=environment(data, settings),
    )
    return core, backbone


def _networks(data: Dataset, settings: RunSettings, trained: TrainedMeanwhile) -> tuple[ModelFacts, ...]:
    """The study's CNN, if it is asked for and can be had."""
    if not (settings.cnn and is_there("torch")):
        return ()
    with data.timed.stage("cnn", f"Training the study's CNN at {settings.cnn_size} pixels") as tick:
        trained.wait(tick)
        return (cnn_facts(data, settings, tick),)


def _clusters(data: Dataset, backbone: Backbone, settings: RunSettings) -> ClusterFacts:
    k, n_init, seed = len(data.classes), settings.n_init, settings.seed
    features = data.features(backbone)
    return data.cache.remember_facts(
        "clusters/v2",
        ClusterFacts,
        [data.manifest.digest, features.key, k, n_init, seed],
        lambda: kmeans_facts(features, data.manifest, k=k, n_init=n_init, seed=seed),
    )
