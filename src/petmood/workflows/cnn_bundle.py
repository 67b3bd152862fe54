"""Manifest and settings -> one of the study's networks, trained, calibrated on valid and saved as a bundle."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from petmood import __version__
from petmood.bundle import Bundle, ModelDescription, Neighbours, save
from petmood.bundle.folder import Parts
from petmood.bundle.graph import network_graph
from petmood.bundle.schema import InputFacts, LicenceNote
from petmood.cache import ContentCache
from petmood.config import RunSettings
from petmood.evaluate.protocols import OFFICIAL
from petmood.features import Preprocess
from petmood.progress import Tick
from petmood.records import FloatArray, IntArray, Manifest
from petmood.sources import Source
from petmood.train.networks import describe
from petmood.workflows.bundles import data_facts, quality
from petmood.workflows.cnn import TITLES, cnn_settings, describe_cnn, fit_cnn, load_pixels, train_together
from petmood.workflows.frozen import baseline_facts
from petmood.workflows.trust import trust

_BATCH = 64


def save_cnn_bundle(
    out: Path,
    source: Source,
    manifest: Manifest,
    network: str,
    settings: RunSettings,
    cache: ContentCache,
    tick: Tick,
) -> ModelDescription | None:
    """Train a network on the files of train, as the study does, and save it as a bundle.

    Of the processes that torchrun started, which train as one, the first does the rest; the others return None.

    Args:
        out: folder, or a path that ends in .zip.
        source: where the images are.
        manifest: the data, with complete splits.
        network: "cnn1" or "cnn2".
        settings: seed, epochs and size of the input.
        cache: keeps the outcome; the training itself is checkpointed beside it.
        tick: where to show the steps.

    Raises:
        LeakageError: a photo stands in both train and test.
        MissingExtraError: torch is not installed.
    """
    training = cnn_settings(settings)
    outcome = train_together(source, manifest, network, training, cache, tick)
    if outcome is None:
        return None
    model = fit_cnn(source, manifest, network, training, tick)
    from petmood.train.export import network_onnx

    valid = manifest.in_split("valid")
    photos = np.isin(valid, manifest.photo_index)
    truth = manifest.class_index[valid[photos]]
    calibration, conformal = trust(outcome.valid[photos], truth, manifest.classes, "photos of valid, never fitted")
    order = [model.classes_.tolist().index(name) for name in manifest.classes]
    preprocess = Preprocess(training.size, mean=(0.0, 0.0, 0.0), std=(255.0, 255.0, 255.0))
    graph = network_graph(
        network_onnx(model.module_, training.size, order), preprocess, len(manifest.classes), calibration.temperature
    )
    fitted = manifest.photos_in_split("train")
    evaluation = describe_cnn(manifest, network, training, outcome)
    baselines = [b for b in baseline_facts(manifest, settings) if b.protocol == OFFICIAL]
    description = ModelDescription(
        petmood=__version__,
        kind=network,
        title=TITLES[network],
        classes=manifest.classes,
        input=InputFacts(size=training.size, mean=preprocess.mean, std=preprocess.std),
        features=describe(model.network_)[-2].output_shape[0],
        maps=False,
        imagenet=False,
        backbone=None,
        calibration=calibration,
        conformal=conformal,
        pet=None,
        quality=quality(source, manifest, fitted, training.size, cache),
        data=data_facts(manifest, manifest.in_split("train")),
        evaluation=(evaluation, *baselines),
        licences=(LicenceNote(what="training photos", licence="as their owner says; petmood does not know"),),
        settings=evaluation.settings,
    )
    features = _features(Bundle(Parts(description, graph, None)), source, manifest, fitted)
    records = [manifest.records[i] for i in fitted]
    kept = Neighbours(features, tuple(r.class_name for r in records), tuple(r.path for r in records))
    return save(out, graph, description, kept)


def _features(bundle: Bundle, source: Source, manifest: Manifest, rows: IntArray) -> FloatArray:
    parts = (rows[start : start + _BATCH] for start in range(0, len(rows), _BATCH))
    return np.concatenate([bundle.infer(load_pixels(source, manifest, part, bundle.size)).features for part in parts])
