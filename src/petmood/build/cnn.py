"""Manifest and settings -> one of the study's networks, trained, calibrated on valid and saved as a bundle."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from petmood.build.certainty import trust
from petmood.build.description import describe
from petmood.build.heads import data_facts, features_by, quality
from petmood.build.study_networks import TITLES, cnn_settings, describe_cnn, fit_cnn, train_together
from petmood.build.training_photos import save_with_photos
from petmood.bundle import Bundle, ModelDescription
from petmood.bundle.folder import Parts
from petmood.bundle.graph import network_graph
from petmood.config import RunSettings
from petmood.dataset import Dataset
from petmood.dataset.figures import majority_facts
from petmood.features import Preprocess
from petmood.progress import Tick
from petmood.training.networks import describe as layers


def save_cnn_bundle(
    out: Path,
    data: Dataset,
    network: str,
    settings: RunSettings,
    tick: Tick,
) -> ModelDescription | None:
    """Train a network on the files of train, as the study does, and save it as a bundle.

    Of the processes that torchrun started, which train as one, the first does the rest; the others return None.

    Args:
        out: folder, or a path that ends in .zip.
        data: with complete splits.
        network: "cnn1" or "cnn2".
        settings: seed, epochs and size of the input.
        tick: where to show the steps.

    Raises:
        LeakageError: a photo stands in both train and test.
        MissingExtraError: torch is not installed.
    """
    manifest, training = data.manifest, cnn_settings(settings)
    outcome = train_together(data, network, training, tick)
    if outcome is None:
        return None
    model = fit_cnn(data, network, training, tick)
    from petmood.training.export import network_onnx

    valid = manifest.in_split("valid")
    photos = np.isin(valid, manifest.photo_index)
    truth = manifest.class_index[valid[photos]]
    calibration, conformal = trust(outcome.valid[photos], truth, manifest.classes, "photos of valid, never fitted")
    order = [model.classes_.tolist().index(name) for name in manifest.classes]
    preprocess = Preprocess(training.size, mean=(0.0, 0.0, 0.0), std=(255.0, 255.0, 255.0))
    graph = network_graph(
        network_onnx(model.module_, training.size, order), preprocess, len(manifest.classes), calibration.temperature
    )
    fitted = data.subset(manifest.photos_in_split("train"))
    evaluation = describe_cnn(manifest, network, training, outcome)
    description = describe(
        preprocess,
        (),
        kind=network,
        title=TITLES[network],
        classes=manifest.classes,
        features=layers(model.network_)[-2].output_shape[0],
        calibration=calibration,
        conformal=conformal,
        quality=quality(fitted, training.size),
        data=data_facts(manifest, manifest.in_split("train")),
        evaluation=(evaluation, *majority_facts(data, settings)[:1]),
        settings=evaluation.settings,
    )
    bundle = Bundle(Parts(description, graph, None))
    return save_with_photos(out, graph, description, data, fitted, features_by(bundle, fitted))
