"""A data set, models and protocols -> figures as they stand in results.json: each with its identity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from petmood.config import RunSettings
from petmood.dataset import Dataset, Model
from petmood.dataset.models import majority, size_and_brightness, species, thumbnails
from petmood.evaluation.metrics import score
from petmood.evaluation.protocols import (
    Predictions,
    Protocol,
    grouped,
    once_on_test,
    split_use,
)
from petmood.evaluation.statistics import BOOTSTRAP
from petmood.records import Manifest
from petmood.results import ModelFacts
from petmood.results.base import Identity
from petmood.results.models import SplitUse
from petmood.split import straddling_families


def leak_mark(manifest: Manifest) -> str | None:
    """Why the figures of a run must not be trusted, where it went on although its splits leak; else None."""
    shared = len(straddling_families(manifest)) if manifest.allow_leakage else 0
    if not shared:
        return None
    noun = "photo stands" if shared == 1 else "photos stand"
    return f"made with --allow-leakage on splits that leak: {shared} {noun} in more than one of them"


def identity_of(manifest: Manifest, model: str, protocol: Protocol) -> Identity:
    """What a figure of a model under a protocol is a figure of."""
    return Identity(
        data=manifest.digest, model=model, training=protocol.training, protocol=protocol.name, seed=protocol.seed
    )


def model_facts(
    manifest: Manifest,
    made: Predictions,
    *,
    name: str,
    protocol: str,
    seed: int,
    training: str = "photos",
    used: Mapping[str, SplitUse] | None = None,
    **told: Any,
) -> ModelFacts:
    """Score predictions of photos and describe them as one entry of results.json.

    Args:
        manifest: the data.
        made: predictions of its photos.
        name: of the model; with the data, `protocol`, `seed` and `training` it identifies the figures.
        protocol: name of how the predictions came about.
        seed: of the protocol.
        training: what was fitted on.
        used: what each split was used for, where it is not what the protocol says.
        told: of `title`, `settings`, `epochs` and `basis` those that are known.
    """
    truth = manifest.class_index[made.index]
    scores = score(truth, made.predicted, manifest.classes, manifest.family_index[made.index])
    return ModelFacts(
        name=name,
        protocol=protocol,
        n_train=made.n_train,
        **{field.name: getattr(scores, field.name) for field in fields(scores)},
        ci_method=BOOTSTRAP,
        classes=manifest.classes,
        split_use=dict(used or split_use(manifest, protocol)),
        photos=tuple(int(i) for i in made.index),
        truth=tuple(int(t) for t in truth),
        predicted=tuple(int(p) for p in made.predicted),
        mark=leak_mark(manifest),
        identity=Identity(data=manifest.digest, model=name, training=training, protocol=protocol, seed=seed),
        **told,
    )


def figure(data: Dataset, model: Model, protocol: Protocol) -> ModelFacts:
    """A model under a protocol; predictions are computed once, whoever asks."""
    return model_facts(
        data.manifest,
        data.predictions(model, protocol),
        name=model.name,
        title=model.title,
        protocol=protocol.name,
        seed=protocol.seed,
        training=protocol.training,
        settings=dict(model.settings),
    )


def protocols(manifest: Manifest, settings: RunSettings) -> tuple[Protocol, Protocol]:
    """The two protocols of every run: once on test, and cross-validation over all photos grouped by family."""
    return once_on_test(manifest, settings.seed), grouped(manifest, settings.folds, settings.seed)


def figures(data: Dataset, model: Model, settings: RunSettings) -> tuple[ModelFacts, ...]:
    """A model under both protocols of a run."""
    return tuple(figure(data, model, protocol) for protocol in protocols(data.manifest, settings))


def majority_facts(data: Dataset, settings: RunSettings) -> tuple[ModelFacts, ...]:
    """Always the most frequent class, under both protocols."""
    return figures(data, majority(), settings)


def baseline_models(data: Dataset) -> tuple[Model, ...]:
    """What a model must beat: the majority, tiny pictures, file properties and, where it is known, species."""
    known = () if data.species is None else (species(),)
    return (majority(), thumbnails(), size_and_brightness(), *known)
