"""Frozen features -> figures of the classifiers on them and of the baselines they must beat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from petmood.cache import ContentCache
from petmood.config import RunSettings
from petmood.evaluate.metrics import score
from petmood.evaluate.protocols import OFFICIAL, Predictions, cross_predict, grouped_name, majority
from petmood.records import FeatureTable, IntArray, Manifest
from petmood.results import Epochs, ModelFacts
from petmood.split import Fold, grouped_folds, official_fold
from petmood.train.heads import make_head

HEAD = "logistic"


def protocol_text(manifest: Manifest, protocol: str) -> str:
    """One sentence on how a protocol's figures come about."""
    if protocol == OFFICIAL:
        whose = "the data's own" if manifest.official_splits else "petmood's"
        return f"Fitted on train, evaluated once on the photos of {whose} test split."
    return (
        "Cross-validation over all photos, stratified by class; a photo and everything derived from it stay in one "
        "fold, and each photo is predicted once, by a model that never saw it."
    )


def model_facts(
    manifest: Manifest,
    predicted: IntArray,
    index: IntArray,
    *,
    name: str,
    title: str,
    protocol: str,
    n_train: int,
    settings: dict[str, str | int | float | bool],
    epochs: Epochs | None = None,
) -> ModelFacts:
    """Score predictions of photos and describe them as one entry of results.json."""
    scores = score(manifest.class_index[index], predicted, manifest.classes)
    return ModelFacts(
        name=name,
        title=title,
        protocol=protocol,
        protocol_text=protocol_text(manifest, protocol),
        n=scores.n,
        n_train=n_train,
        correct=scores.correct,
        accuracy=scores.accuracy,
        accuracy_ci=scores.accuracy_ci,
        ci_method="Wilson 95 %",
        macro_f1=scores.macro_f1,
        balanced_accuracy=scores.balanced_accuracy,
        classes=manifest.classes,
        confusion=scores.confusion,
        per_class=scores.per_class,
        settings=settings,
        epochs=epochs,
    )


def head_facts(
    features: FeatureTable, manifest: Manifest, settings: RunSettings, cache: ContentCache
) -> tuple[ModelFacts, ...]:
    """Logistic regression on frozen features under the official and the grouped protocol; predictions are cached."""
    found = []
    for protocol, folds in _protocols(manifest, settings).items():
        made = predict_cached(HEAD, features, manifest, protocol, folds, settings.seed, cache)
        found.append(
            model_facts(
                manifest,
                made.predicted,
                made.index,
                name=f"{features.backbone}+{HEAD}",
                title=f"Logistic regression on {features.backbone}",
                protocol=protocol,
                n_train=made.n_train,
                settings={"backbone": features.backbone, "head": HEAD, "seed": settings.seed},
            )
        )
    return tuple(found)


def predict_cached(
    head: str,
    features: FeatureTable,
    manifest: Manifest,
    protocol: str,
    folds: Sequence[Fold],
    seed: int,
    cache: ContentCache,
) -> Predictions:
    """Out-of-sample predictions of a head, computed once for given data, features, protocol and seed."""

    def compute() -> dict[str, Any]:
        made = cross_predict(lambda: make_head(head, seed), features.vectors, manifest, folds)
        return {
            "index": made.index.tolist(),
            "probabilities": made.probabilities.tolist(),
            "n_train": made.n_train,
        }

    kept = cache.remember("heads/v1", [manifest.digest, features.key, head, protocol, seed], compute)
    return Predictions(
        np.array(kept["index"], dtype=np.int64), np.array(kept["probabilities"], dtype=np.float64), kept["n_train"]
    )


def baseline_facts(manifest: Manifest, settings: RunSettings) -> tuple[ModelFacts, ...]:
    """Always answering the most frequent class of train, under the same protocols."""
    found = []
    for protocol, folds in _protocols(manifest, settings).items():
        predicted = {
            int(i): int(p) for fold in folds for i, p in zip(fold.evaluate, majority(manifest, fold), strict=True)
        }
        index = np.array(sorted(predicted), dtype=np.int64)
        found.append(
            model_facts(
                manifest,
                np.array([predicted[int(i)] for i in index], dtype=np.int64),
                index,
                name="majority",
                title="Always the most frequent class",
                protocol=protocol,
                n_train=round(sum(len(np.unique(manifest.family_index[f.train])) for f in folds) / len(folds)),
                settings={},
            )
        )
    return tuple(found)


def _protocols(manifest: Manifest, settings: RunSettings) -> dict[str, list[Fold]]:
    return {
        OFFICIAL: [official_fold(manifest)],
        grouped_name(settings.folds): list(grouped_folds(manifest, folds=settings.folds, seed=settings.seed)),
    }
