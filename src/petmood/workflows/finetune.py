"""`petmood train --model finetune`: a network fine-tuned inside grouped folds, within a budget, then saved."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from petmood import __version__
from petmood.bundle import Bundle, ModelDescription, Neighbours, save
from petmood.bundle.folder import Parts
from petmood.bundle.graph import network_graph
from petmood.bundle.schema import BackboneFacts, InputFacts, LicenceNote
from petmood.cache import ContentCache
from petmood.config import RunSettings
from petmood.errors import ConfigError
from petmood.evaluate.calibrate import apply_temperature
from petmood.evaluate.crossfit import cross_fit
from petmood.evaluate.protocols import OFFICIAL, Predictions, grouped_name, in_class_order
from petmood.evaluate.select import among
from petmood.features import Preprocess
from petmood.features.augment import AUGMENT_VERSION, pixel_views
from petmood.features.efficientnet_lite import VARIANTS
from petmood.features.trunk import SIZE, describe_trunk, trunk_activations
from petmood.progress import Progress
from petmood.records import IntArray, Manifest
from petmood.results import ModelFacts
from petmood.sources import Source
from petmood.split import grouped_folds
from petmood.train.catalog import FROZEN, choose
from petmood.workflows.bench import Bench, Means
from petmood.workflows.bundles import SHOWN, data_facts, fitted_and_judging, quality, require_agreement
from petmood.workflows.cnn import load_pixels
from petmood.workflows.finetune_settings import FinetuneSettings
from petmood.workflows.frozen import baseline_facts, model_facts
from petmood.workflows.trust import trust

if TYPE_CHECKING:
    from petmood.train.finetune import CrownHead

_VERSION: Final = "finetune/v1"
_LITE: Final = Preprocess(SIZE, (127.0, 127.0, 127.0), (128.0, 128.0, 128.0))
_BATCH: Final = 32


def save_finetuned(
    out: Path,
    source: Source,
    manifest: Manifest,
    run: RunSettings,
    settings: FinetuneSettings,
    cache: ContentCache,
    progress: Progress,
) -> ModelDescription:
    """Fine-tune inside as many grouped folds as the budget lets, then on train and valid, and save a bundle.

    Folds that are done are kept by content, so that an interrupted run resumes.

    Raises:
        LeakageError: a photo of test stands in train or valid too.
        MissingExtraError: torch is not installed.
    """
    from petmood.train.crown_export import answers_onnx

    rows, test = fitted_and_judging(manifest)
    fitted = np.intersect1d(manifest.photo_index, rows)
    data = among(manifest, np.sort(np.concatenate([fitted, test])))
    mine = np.flatnonzero(np.array([r.split != "test" for r in data.records]))
    judging = np.setdiff1d(np.arange(len(data)), mine)
    with progress.stage("Preparing views") as tick:
        views = _views(data, source, settings, cache, tick)
    inside = among(data, mine)
    made = _folds(inside, views[mine], run, settings, cache, progress)
    head = _fit(inside, views[mine], run, settings, progress)
    truth = inside.class_index[made.index]
    done = f"{grouped_name(run.folds)} within train and valid, {len(truth)} of {len(inside)} photos"
    calibration, conformal = trust(made.probabilities, truth, manifest.classes, done)
    order = [list(head.classes_).index(name) for name in manifest.classes]
    size = settings.size if settings.whole else SIZE
    preprocess = replace(_LITE, size=size)
    graph = network_graph(answers_onnx(head, size, order), preprocess, len(manifest.classes), calibration.temperature)
    on_test = in_class_order(head, head.predict_proba(views[judging]), manifest.classes)
    start = () if settings.start is None else (LicenceNote(what="outside images it started from", licence="unknown"),)
    description = ModelDescription(
        petmood=__version__,
        kind="finetune",
        title=settings.title,
        classes=manifest.classes,
        input=InputFacts(size=size, mean=preprocess.mean, std=preprocess.std),
        features=1280,
        maps=False,
        imagenet=False,
        backbone=BackboneFacts(name="efficientnet-lite0, fine-tuned", sha256=VARIANTS[0].sha256, licence="Apache-2.0"),
        calibration=calibration,
        conformal=conformal,
        pet=None,
        quality=quality(source, manifest, fitted, size, cache),
        data=data_facts(manifest, fitted),
        evaluation=_evaluation(manifest, data, inside, judging, on_test, made, source, run, settings, cache, progress),
        licences=(
            LicenceNote(what="weights of efficientnet-lite0, fine-tuned", licence="Apache-2.0"),
            LicenceNote(what="training photos", licence="as their owner says; petmood does not know"),
            *start,
        ),
        settings={"epochs": settings.epochs, "kept_epoch": head.epoch_, "whole": settings.whole, "seed": run.seed},
    )
    bundle = Bundle(Parts(description, graph, None))
    require_agreement(
        bundle.infer(load_pixels(source, data, judging, size)).probabilities,
        apply_temperature(on_test, calibration.temperature),
        description.title,
    )
    parts = [
        bundle.infer(load_pixels(source, manifest, fitted[i : i + _BATCH], size)).features
        for i in range(0, len(fitted), _BATCH)
    ]
    records = [manifest.records[i] for i in fitted]
    kept = Neighbours(np.concatenate(parts), tuple(r.class_name for r in records), tuple(r.path for r in records))
    return save(out, graph, description, kept)


def _views(
    data: Manifest,
    source: Source,
    settings: FinetuneSettings,
    cache: ContentCache,
    tick: Callable[[int, int], None],
) -> NDArray[Any]:
    if settings.whole:
        return pixel_views(data, source, settings.size, settings.views, progress=tick)
    return trunk_activations(data, source, cache, progress=tick)


def _head(settings: FinetuneSettings, seed: int, tick: Callable[[int, int], None]) -> CrownHead:
    from petmood.train.crown_export import load_start
    from petmood.train.finetune import CrownHead

    start = None if settings.start is None else load_start(settings.start)
    return CrownHead(settings.training(seed), start, lambda epoch, epochs, loss, seconds: tick(epoch, epochs))


def _folds(
    inside: Manifest,
    views: NDArray[Any],
    run: RunSettings,
    settings: FinetuneSettings,
    cache: ContentCache,
    progress: Progress,
) -> Predictions:
    """Out-of-fold predictions of the folds that the budget reaches."""
    start = "" if settings.start is None else hashlib.sha256(settings.start.read_bytes()).hexdigest()
    seen = f"{AUGMENT_VERSION}/{settings.size}/{settings.views}" if settings.whole else describe_trunk()
    training = asdict(settings.training(run.seed)) | {"device": ""}
    causes = [inside.digest, seen, training, start, run.folds, run.seed]
    began = time.monotonic()
    parts: list[dict[str, Any]] = []
    for number, fold in enumerate(grouped_folds(inside, folds=run.folds, seed=run.seed)):
        spent = time.monotonic() - began
        # the refit takes about as long as a fold, and is to fit in
        if parts and spent + 2 * spent / len(parts) > settings.budget:
            progress.note(f"The budget is spent after {len(parts)} of {run.folds} folds.")
            break
        with progress.stage(f"Fine-tuning, fold {number + 1} of {run.folds}") as tick:

            def compute(fold: Any = fold, tick: Any = tick) -> dict[str, Any]:
                made = cross_fit(lambda: _head(settings, run.seed, tick), views, inside, [fold], photos_only=True)
                return {
                    "index": made.index.tolist(),
                    "probabilities": made.probabilities.tolist(),
                    "n_train": made.n_train,
                }

            kept = cache.remember(_VERSION, [*causes, number], compute)
        parts.append(kept)
    index = np.concatenate([np.array(p["index"]) for p in parts])
    order = np.argsort(index, kind="stable")
    probabilities = np.concatenate([np.array(p["probabilities"]) for p in parts])
    n_train = round(float(np.mean([p["n_train"] for p in parts])))
    return Predictions(index[order], probabilities[order], n_train)


def _fit(
    inside: Manifest, views: NDArray[Any], run: RunSettings, settings: FinetuneSettings, progress: Progress
) -> CrownHead:
    with progress.stage("Fine-tuning on train and valid") as tick:
        head = _head(settings, run.seed, tick)
        labels = np.array(inside.classes)[inside.class_index]
        return head.fit(views, labels, groups=inside.family_index)


def _evaluation(
    manifest: Manifest,
    data: Manifest,
    inside: Manifest,
    judging: IntArray,
    on_test: NDArray[np.float64],
    made: Predictions,
    source: Source,
    run: RunSettings,
    settings: FinetuneSettings,
    cache: ContentCache,
    progress: Progress,
) -> tuple[ModelFacts, ...]:
    """The saved weights on test; their recipe and the frozen baseline on the same folds; the majority class."""
    folds = [f for f in grouped_folds(inside, folds=run.folds, seed=run.seed) if np.isin(f.evaluate, made.index).all()]
    bench = Bench(inside, source, cache, Means(), progress)
    [frozen] = choose([FROZEN])
    if (lacking := bench.lacks(frozen)) is not None:
        raise ConfigError(f"the frozen baseline needs {lacking}.")
    baseline = bench.read(frozen).predict(inside, np.arange(len(inside)), folds, run.seed)
    text = (
        f"Cross-validation over photos of train and valid, stratified by class and grouped by photo, {len(folds)} of "
        f"{run.folds} folds; early stopping looked at photos of the training folds alone."
    )
    judged = Predictions(judging, on_test, len(inside))
    grouped, in_turn = grouped_name(run.folds), dict.fromkeys(("train", "valid"), "fitted on and evaluated in turn")
    once = {"train": "fitted on", "valid": "fitted on", "test": "evaluated once; chose nothing"}
    entries = (
        (data, "finetune", settings.title, judged, OFFICIAL, SHOWN, once),
        (inside, "finetune", settings.title, made, grouped, text, in_turn),
        (inside, FROZEN, frozen.title, baseline, grouped, text, in_turn),
    )
    found = [
        model_facts(
            whose,
            predictions.predicted,
            predictions.index,
            name=name,
            title=title,
            protocol=protocol,
            n_train=predictions.n_train,
            settings={},
            used=used,
        ).model_copy(update={"protocol_text": how})
        for whose, name, title, predictions, protocol, how, used in entries
    ]
    return (*found, *(b for b in baseline_facts(manifest, run) if b.protocol == OFFICIAL))
