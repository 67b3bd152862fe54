"""Manifest and frozen features -> a head, fitted, calibrated, evaluated and saved as a bundle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from petmood import images
from petmood.build.description import describe, network_facts, trust
from petmood.build.pet_rule import Drawn, drawn_by, known_and_judged, pet_rule
from petmood.build.training_photos import save_with_photos
from petmood.bundle import Bundle, ModelDescription
from petmood.bundle.graph import LinearHead, head_graph
from petmood.bundle.inputs import measure
from petmood.bundle.schema import DataFacts, Quality
from petmood.config import RunSettings
from petmood.dataset import Dataset
from petmood.dataset.dataset import Model
from petmood.dataset.figures import figures, majority_facts
from petmood.dataset.models import HEAD, head, soft_columns, softened
from petmood.errors import ModelError
from petmood.evaluation.protocols import grouped
from petmood.features import Backbone
from petmood.features.species import N_IMAGENET
from petmood.labels import SoftLabels
from petmood.pictures import map_images
from petmood.progress import Tick, silent
from petmood.records import FeatureTable, ImageRecord, IntArray, Manifest
from petmood.results import ModelFacts
from petmood.split import test_fold
from petmood.training.heads import LogisticHead, SoftLogisticHead

_BATCH: Final = 32
_QUALITY_PHOTOS: Final = 1000
TOLERANCE: Final = 1e-4
"""A bundle's probabilities differ from those of the training code by no more."""


def save_head_bundle(
    out: Path,
    data: Dataset,
    backbone: Backbone,
    settings: RunSettings,
    *,
    thumbnails: bool = False,
    soft: SoftLabels | None = None,
) -> ModelDescription:
    """Fit logistic regression on the features of photos of train and valid, and save it with the backbone as a bundle.

    The photos of test are never fitted, nor used for calibration: the figures on them are those of the saved weights.

    Args:
        out: folder, or a path that ends in .zip.
        data: with complete splits.
        backbone: the frozen network.
        settings: seed and folds.
        thumbnails: whether the bundle keeps small copies of the training photos, which may not be yours to pass on.
        soft: what the head learns from in place of the labels, where photos have one; figures count the labels.

    Raises:
        LeakageError: a photo of test stands in train or valid too.
        DataError: a class has too few photos, or `out` cannot be written.
    """
    manifest = data.manifest
    rows = fitted_photos(manifest)
    inner = data.subset(rows)
    features = inner.features(backbone)
    protocol = grouped(inner.manifest, settings.folds, settings.seed)
    model = head(backbone) if soft is None else softened(head(backbone), soft)
    made = inner.predictions(model, protocol)
    calibration, conformal = trust(
        made.probabilities, inner.labels[made.index], manifest.classes, f"{protocol.name} within train and valid"
    )
    folds = protocol.folds(inner.manifest)
    description = describe(
        backbone.preprocess,
        (network_facts(backbone),),
        kind="head",
        title=model.title,
        classes=manifest.classes,
        features=features.vectors.shape[1],
        maps=backbone.map is not None,
        imagenet=features.logits is not None and features.logits.shape[1] == N_IMAGENET,
        calibration=calibration,
        conformal=conformal,
        pet=pet_rule(features, known_and_judged(folds, len(inner)), lambda: _drawn(backbone, data)),
        quality=quality(inner, backbone.preprocess.size),
        data=data_facts(manifest, rows),
        evaluation=head_evaluation(data, model, settings),
        settings={**model.settings, "seed": settings.seed},
    )
    graph = head_graph(backbone, fit_head(inner, backbone, soft), description.calibration.temperature)
    return save_with_photos(out, graph, description, data, inner, features, thumbnails=thumbnails)


def fitted_photos(manifest: Manifest) -> IntArray:
    """(n,) int64, ascending: what a bundle is fitted on, one record for each family of train and valid.

    Raises:
        LeakageError: a photo of test stands in train or valid too.
    """
    return manifest.photos_among(test_fold(replace(manifest, allow_leakage=False)).train)


def fit_head(inner: Dataset, backbone: Backbone, soft: SoftLabels | None = None) -> LinearHead:
    """Fit the head on the photos of a data set, in the order of its classes; equal data are fitted once."""
    features = inner.features(backbone)

    def compute() -> dict[str, Any]:
        labels = np.array(inner.classes)[inner.labels]
        if soft is None:
            model = LogisticHead().fit(features.vectors, labels)
        else:
            columns = np.hstack([features.vectors, soft_columns(inner, soft)])
            model = SoftLogisticHead(soft.classes).fit(columns, labels)
        order = [list(model.classes_).index(name) for name in inner.classes]
        return {"weights": model.weights_[:, order].tolist(), "bias": model.bias_[order].tolist()}

    kept = inner.cache.remember(
        "head-fit/v2", [inner.manifest.digest, features.key, HEAD, *([] if soft is None else [soft.digest])], compute
    )
    return LinearHead(np.array(kept["weights"]), np.array(kept["bias"]))


def require_agreement(found: NDArray[np.floating[Any]], expected: NDArray[np.float64], what: str) -> None:
    """Pass a bundle that says what the training code says.

    Args:
        found: (n, n_classes) probabilities by the bundle.
        expected: the same by the training code, calibrated.
        what: the model, for the message.

    Raises:
        ModelError: they differ by more than `TOLERANCE`.
    """
    worst = float(np.abs(found - expected).max())
    if worst > TOLERANCE:
        raise ModelError(
            f"the graph of {what} differs from the training code by {worst:.1e} in a probability of a photo of test, "
            f"more than {TOLERANCE:g}. This is a fault of petmood; train another model with --model head."
        )


def head_evaluation(data: Dataset, model: Model, settings: RunSettings) -> tuple[ModelFacts, ...]:
    """The head on test and under grouped cross-validation, and the majority class beside both.

    What is fitted on the photos of train and valid is the model whose weights the bundle has.
    """
    on_test, cross = figures(data, model, settings)
    return (on_test.model_copy(update={"basis": "these-weights"}), cross, *majority_facts(data, settings))


def features_by(bundle: Bundle, photos: Dataset, tick: Tick = silent) -> FeatureTable:
    """What a bundle's own graph reads of each picture."""
    features, scores = [], []
    for start in range(0, len(photos), _BATCH):
        rows = range(start, min(start + _BATCH, len(photos)))
        outputs = bundle.infer(photos.pixels(bundle.size, rows))
        features.append(outputs.features)
        if outputs.imagenet is not None:
            scores.append(outputs.imagenet)
        tick(rows.stop, len(photos))
    return FeatureTable(bundle.name, np.concatenate(features), np.concatenate(scores) if scores else None, "")


def data_facts(manifest: Manifest, fitted: IntArray) -> DataFacts:
    """What a model was trained on."""
    counts = np.bincount(manifest.class_index[manifest.photo_index], minlength=len(manifest.classes))
    return DataFacts(
        name=manifest.name,
        sha256=manifest.digest,
        images=len(manifest),
        photos=manifest.n_photos,
        fitted=len(np.unique(manifest.family_index[fitted])),
        photos_by_class={name: int(n) for name, n in zip(manifest.classes, counts, strict=True)},
    )


def _drawn(backbone: Backbone, data: Dataset) -> Drawn:
    with data.timed.stage("drawings", "Reading drawn pictures without a pet") as tick:
        return drawn_by(backbone, data.cache, tick)


def quality(photos: Dataset, size: int) -> Quality:
    """What is blurred or dark beside the training photos (at most a thousand of them, evenly chosen)."""
    step = max(1, -(-len(photos) // _QUALITY_PHOTOS))
    chosen = photos.records[::step]

    def of(records: Sequence[ImageRecord]) -> list[bytes]:
        return [np.array(measure(pixels)).tobytes() for pixels in photos.pictures.pixels(records, size)]

    with photos.timed.stage("sharpness", "Measuring how sharp photos are") as tick:
        known = map_images(chosen, photos.cache, f"quality/v2/decode{images.DECODE_VERSION}/{size}", lambda: of, tick)
    sharpness, brightness = np.array([np.frombuffer(known[r.sha256]) for r in chosen]).T
    return Quality(
        min_side=-(-size // 2),
        min_sharpness=round(float(np.quantile(sharpness, 0.01)), 4),
        min_brightness=round(float(np.quantile(brightness, 0.01)), 4),
        n=len(chosen),
    )
