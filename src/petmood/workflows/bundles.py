"""Manifest and frozen features -> a head, fitted, calibrated, evaluated and saved as a bundle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from petmood import __version__, images
from petmood.audit.species import N_IMAGENET
from petmood.bundle import ModelDescription, Neighbours, save
from petmood.bundle.graph import LinearHead, head_graph
from petmood.bundle.inputs import measure
from petmood.bundle.schema import BackboneFacts, Calibration, Conformal, DataFacts, InputFacts, LicenceNote, Quality
from petmood.cache import ContentCache
from petmood.config import RunSettings
from petmood.errors import LeakageError, ModelError
from petmood.evaluate.protocols import OFFICIAL, family_weights, grouped_name, in_class_order
from petmood.features import Backbone
from petmood.records import FeatureTable, IntArray, Manifest
from petmood.results import ModelFacts
from petmood.sources import Source
from petmood.split import Fold, grouped_folds
from petmood.train.heads import LogisticHead
from petmood.workflows.cnn import load_pixels
from petmood.workflows.frozen import HEAD, baseline_facts, model_facts, predict_cached
from petmood.workflows.pet_rule import drawn_by, pet_rule
from petmood.workflows.trust import trust

_THUMBNAIL: Final = 96
_QUALITY_PHOTOS: Final = 1000
TOLERANCE: Final = 1e-4
"""A bundle's probabilities differ from those of the training code by no more."""

SHOWN: Final = "The very weights of this bundle, fitted on train and valid, evaluated once on the photos of test."


@dataclass(frozen=True)
class Fitted:
    """A head fitted on train and valid, in the manifest's class order, and what it says of the photos of test."""

    head: LinearHead
    rows: IntArray
    test: IntArray
    probabilities: NDArray[np.float64]


def save_head_bundle(
    out: Path,
    source: Source,
    manifest: Manifest,
    features: FeatureTable,
    backbone: Backbone,
    settings: RunSettings,
    cache: ContentCache,
    *,
    thumbnails: bool = False,
) -> ModelDescription:
    """Fit logistic regression on the features of train and valid, and save it with the backbone as one bundle.

    The photos of test are never fitted, nor used for calibration: the figures on them are those of the saved weights.

    Args:
        out: folder, or a path that ends in .zip.
        source: where the images are.
        manifest: the data, with complete splits.
        features: of every record of the manifest, from `backbone`.
        backbone: the frozen network.
        settings: seed and folds.
        cache: keeps what is computed.
        thumbnails: whether the bundle keeps small copies of the training photos, which may not be yours to pass on.

    Raises:
        LeakageError: a photo of test stands in train or valid too.
        DataError: a class has too few photos, or `out` cannot be written.
    """
    fitted = fit_head(manifest, features, cache)
    photos = np.intersect1d(manifest.photo_index, fitted.rows)
    inner, inner_features = subset(manifest, features, fitted.rows)
    folds = list(grouped_folds(inner, folds=settings.folds, seed=settings.seed))
    calibration, conformal = head_trust(inner, inner_features, folds, settings, cache)
    description = ModelDescription(
        petmood=__version__,
        kind="head",
        title=f"Logistic regression on {backbone.name}",
        classes=manifest.classes,
        input=InputFacts(size=backbone.preprocess.size, mean=backbone.preprocess.mean, std=backbone.preprocess.std),
        features=features.vectors.shape[1],
        maps=backbone.map is not None,
        imagenet=features.logits is not None and features.logits.shape[1] == N_IMAGENET,
        backbone=BackboneFacts(name=backbone.name, sha256=backbone.digest, licence=backbone.licence),
        calibration=calibration,
        conformal=conformal,
        pet=pet_rule(inner, inner_features, lambda: drawn_by(backbone, cache), folds),
        quality=quality(source, manifest, photos, backbone.preprocess.size, cache),
        data=data_facts(manifest, fitted.rows),
        evaluation=head_evaluation(manifest, features, fitted, settings, cache),
        licences=(
            LicenceNote(what=f"weights of {backbone.name}", licence=backbone.licence),
            LicenceNote(what="training photos", licence="as their owner says; petmood does not know"),
        ),
        settings={"backbone": backbone.name, "head": HEAD, "seed": settings.seed},
    )
    graph = head_graph(backbone, fitted.head, description.calibration.temperature)
    return save(out, graph, description, neighbours(source, manifest, features, photos, thumbnails))


def fitted_and_judging(manifest: Manifest) -> tuple[IntArray, IntArray]:
    """Records that a bundle may be fitted on (train and valid, ascending), and the photos of test that only judge.

    Raises:
        LeakageError: a photo of test stands in train or valid too.
    """
    rows = np.sort(np.concatenate([manifest.in_split("train"), manifest.in_split("valid")]))
    families = manifest.family_index
    shared = np.intersect1d(families[rows], families[manifest.in_split("test")])
    if len(shared):
        raise LeakageError(
            f"{len(shared)} photos of test stand in train or valid too; the bundle's figures would count memory as "
            "skill. Remove the copies, or let petmood make the splits by giving it plain class folders."
        )
    return rows, manifest.photos_in_split("test")


def fit_head(manifest: Manifest, features: FeatureTable, cache: ContentCache) -> Fitted:
    """Fit the head on all files of train and valid, weighted by family; the same data and features are fitted once.

    Raises:
        LeakageError: a photo of test stands in train or valid too.
    """
    rows, test = fitted_and_judging(manifest)
    names = np.array(manifest.classes)

    def compute() -> dict[str, Any]:
        model = LogisticHead().fit(
            features.vectors[rows],
            names[manifest.class_index[rows]],
            sample_weight=family_weights(manifest, rows),
        )
        order = [list(model.classes_).index(name) for name in manifest.classes]
        probabilities = in_class_order(model, model.predict_proba(features.vectors[test]), manifest.classes)
        return {
            "weights": model.weights_[:, order].tolist(),
            "bias": model.bias_[order].tolist(),
            "test": probabilities.tolist(),
        }

    kept = cache.remember("head-fit/v1", [manifest.digest, features.key, HEAD], compute)
    head = LinearHead(np.array(kept["weights"]), np.array(kept["bias"]))
    return Fitted(head, rows, test, np.array(kept["test"]))


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


def head_trust(
    manifest: Manifest, features: FeatureTable, folds: Sequence[Fold], settings: RunSettings, cache: ContentCache
) -> tuple[Calibration, Conformal]:
    """Calibration and prediction sets of the head, from grouped cross-validation within records of train and valid."""
    protocol = grouped_name(settings.folds)
    made = predict_cached(HEAD, features, manifest, protocol, folds, settings.seed, cache)
    truth = manifest.class_index[made.index]
    return trust(made.probabilities, truth, manifest.classes, f"{protocol} within train and valid")


def head_evaluation(
    manifest: Manifest, features: FeatureTable, fitted: Fitted, settings: RunSettings, cache: ContentCache
) -> tuple[ModelFacts, ...]:
    """The fitted head on test, its recipe under grouped cross-validation, and the majority class beside both."""
    name, title = f"{features.backbone}+{HEAD}", f"Logistic regression on {features.backbone}"
    chosen: dict[str, str | int | float | bool] = {
        "backbone": features.backbone,
        "head": HEAD,
        "seed": settings.seed,
    }
    on_test = model_facts(
        manifest,
        np.asarray(fitted.probabilities.argmax(axis=1), dtype=np.int64),
        fitted.test,
        name=name,
        title=title,
        protocol=OFFICIAL,
        n_train=len(np.unique(manifest.family_index[fitted.rows])),
        settings=chosen,
    ).model_copy(update={"protocol_text": SHOWN})
    protocol = grouped_name(settings.folds)
    folds = list(grouped_folds(manifest, folds=settings.folds, seed=settings.seed))
    made = predict_cached(HEAD, features, manifest, protocol, folds, settings.seed, cache)
    grouped = model_facts(
        manifest,
        made.predicted,
        made.index,
        name=name,
        title=title,
        protocol=protocol,
        n_train=made.n_train,
        settings=chosen,
    )
    return (on_test, grouped, *baseline_facts(manifest, settings))


def neighbours(
    source: Source, manifest: Manifest, features: FeatureTable, photos: IntArray, thumbnails: bool
) -> Neighbours:
    """Features, labels and, if wished, small copies of fitted photos, one a family."""
    records = [manifest.records[i] for i in photos]
    return Neighbours(
        features=features.rows(photos),
        labels=tuple(r.class_name for r in records),
        paths=tuple(r.path for r in records),
        thumbnails=tuple(images.thumbnail(source.read(r.path, images.MAX_FILE_BYTES), _THUMBNAIL) for r in records)
        if thumbnails
        else None,
    )


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


def quality(source: Source, manifest: Manifest, photos: IntArray, size: int, cache: ContentCache) -> Quality:
    """What is blurred or dark beside the training photos (at most a thousand of them, evenly chosen)."""
    step = max(1, -(-len(photos) // _QUALITY_PHOTOS))
    chosen = photos[::step]

    def compute() -> list[list[float]]:
        # 64 at a time: memory stays flat
        parts = [load_pixels(source, manifest, chosen[i : i + 64], size) for i in range(0, len(chosen), 64)]
        return [list(measure(pixels)) for part in parts for pixels in part]

    causes = [images.DECODE_VERSION, size, [manifest.records[i].sha256 for i in chosen]]
    sharpness, brightness = np.array(cache.remember("quality/v1", causes, compute)).T
    return Quality(
        min_side=-(-size // 2),
        min_sharpness=round(float(np.quantile(sharpness, 0.01)), 4),
        min_brightness=round(float(np.quantile(brightness, 0.01)), 4),
        n=len(chosen),
    )


def subset(manifest: Manifest, features: FeatureTable, rows: IntArray) -> tuple[Manifest, FeatureTable]:
    """A manifest and features of some records only."""
    records = tuple(manifest.records[i] for i in rows)
    logits = None if features.logits is None else features.logits[rows]
    return replace(manifest, records=records), replace(features, vectors=features.rows(rows), logits=logits)
