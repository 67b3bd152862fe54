"""Frozen features -> figures of the classifiers on them and of the baselines they must beat."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from petmood.cache import ContentCache
from petmood.config import RunSettings
from petmood.evaluate.intervals import BOOTSTRAP, WILSON, bootstrap_interval
from petmood.evaluate.metrics import score
from petmood.evaluate.protocols import OFFICIAL, Predictions, grouped_name, majority
from petmood.records import FeatureTable, IntArray, Manifest
from petmood.results import Epochs, ModelFacts
from petmood.split import Fold, grouped_folds, official_fold, straddling_families
from petmood.workflows.predictions import Subject, head_subject, predict

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


def split_use(manifest: Manifest, protocol: str) -> dict[str, str]:
    """What each split is used for under a protocol, when nothing is chosen by it."""
    if protocol == OFFICIAL:
        uses = {"train": "fitted on", "valid": "not used", "test": "evaluated once; chose nothing"}
    else:
        uses = dict.fromkeys(manifest.split_names(), "fitted on and evaluated in turn, by photo; chose nothing")
    return {split: uses[split] for split in manifest.split_names()}


def leak_mark(manifest: Manifest) -> str | None:
    """Why the figures of a run must not be trusted, where it went on although its splits leak; else None."""
    shared = len(straddling_families(manifest)) if manifest.allow_leakage else 0
    if not shared:
        return None
    noun = "photo stands" if shared == 1 else "photos stand"
    return f"made with --allow-leakage on splits that leak: {shared} {noun} in more than one of them"


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
    used: dict[str, str] | None = None,
) -> ModelFacts:
    """Score predictions of photos and describe them as one entry of results.json.

    The interval is Wilson's for the official split, and a bootstrap over families for cross-validation. `used` says
    what each split was used for, where it is not what the protocol says.
    """
    scores = score(manifest.class_index[index], predicted, manifest.classes)
    single = protocol == OFFICIAL
    hits = (manifest.class_index[index] == predicted).astype(np.float64)
    return ModelFacts(
        name=name,
        title=title,
        protocol=protocol,
        protocol_text=protocol_text(manifest, protocol),
        n=scores.n,
        n_train=n_train,
        correct=scores.correct,
        accuracy=scores.accuracy,
        accuracy_ci=scores.accuracy_ci if single else bootstrap_interval(hits, manifest.family_index[index]),
        ci_method=WILSON if single else BOOTSTRAP,
        macro_f1=scores.macro_f1,
        balanced_accuracy=scores.balanced_accuracy,
        classes=manifest.classes,
        confusion=scores.confusion,
        per_class=scores.per_class,
        settings=settings,
        epochs=epochs,
        split_use=used or split_use(manifest, protocol),
        photos=tuple(int(i) for i in index),
        truth=tuple(int(t) for t in manifest.class_index[index]),
        predicted=tuple(int(p) for p in predicted),
        mark=leak_mark(manifest),
    )


def head_facts(
    features: FeatureTable, manifest: Manifest, settings: RunSettings, cache: ContentCache
) -> tuple[ModelFacts, ...]:
    """Logistic regression on frozen features under the official and the grouped protocol; predictions are cached."""
    chosen: dict[str, str | int | float | bool] = {
        "backbone": features.backbone,
        "head": HEAD,
        "seed": settings.seed,
    }
    return subject_facts(head_subject(features, HEAD, settings.seed), manifest, settings, cache, chosen)


def subject_facts(
    subject: Subject,
    manifest: Manifest,
    settings: RunSettings,
    cache: ContentCache,
    chosen: dict[str, str | int | float | bool],
) -> tuple[ModelFacts, ...]:
    """One subject under the official and the grouped protocol."""
    found = []
    for protocol, folds in protocols(manifest, settings).items():
        made = predict(subject, manifest, f"{protocol}/{settings.seed}", folds, cache)
        found.append(
            model_facts(
                manifest,
                made.predicted,
                made.index,
                name=subject.name,
                title=subject.title,
                protocol=protocol,
                n_train=made.n_train,
                settings=chosen,
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
    return predict(head_subject(features, head, seed), manifest, f"{protocol}/{seed}", lambda: folds, cache)


def baseline_facts(manifest: Manifest, settings: RunSettings) -> tuple[ModelFacts, ...]:
    """Always answering the most frequent class of train, under the same protocols."""
    found = []
    for protocol, make_folds in protocols(manifest, settings).items():
        folds = list(make_folds())
        predicted = {
            int(i): int(p) for fold in folds for i, p in zip(fold.evaluate, majority(manifest, fold), strict=True)
        }
        index: IntArray = np.array(sorted(predicted), dtype=np.int64)
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


def simple_facts(
    subjects: Sequence[Subject], manifest: Manifest, settings: RunSettings, cache: ContentCache
) -> tuple[ModelFacts, ...]:
    """The baselines that see something: thumbnails, size and brightness, species."""
    return tuple(fact for subject in subjects for fact in subject_facts(subject, manifest, settings, cache, {}))


def protocols(manifest: Manifest, settings: RunSettings) -> Mapping[str, Callable[[], list[Fold]]]:
    """The two protocols of every run: name -> what makes its folds."""

    def grouped() -> list[Fold]:
        return list(grouped_folds(manifest, folds=settings.folds, seed=settings.seed))

    def official() -> list[Fold]:
        return [official_fold(manifest)]

    return {OFFICIAL: official, grouped_name(settings.folds): grouped}
