"""The study's networks: trained, described, kept by content, and saved as bundles."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from petmood import images
from petmood.build.description import describe, trust
from petmood.build.heads import data_facts, features_by, quality
from petmood.build.training_photos import save_with_photos
from petmood.bundle import Bundle, ModelDescription
from petmood.bundle.folder import Parts
from petmood.bundle.graph import network_graph
from petmood.cache import cache_dir
from petmood.config import RunSettings
from petmood.dataset import Dataset
from petmood.dataset.figures import majority_facts, model_facts
from petmood.errors import require_extra
from petmood.evaluation.protocols import Predictions, in_class_order, test_name
from petmood.features import Preprocess
from petmood.progress import Tick
from petmood.records import IntArray, Manifest
from petmood.results import Epochs, ModelFacts
from petmood.split import official_fold
from petmood.training.networks import count_parameters, make_network
from petmood.training.networks import describe as layers
from petmood.training.settings import EpochLog, TrainSettings

if TYPE_CHECKING:
    from petmood.training.cnn import CnnClassifier


_VERSION = 2  # raise it when training changes, so that no outcome of an older one is read

TITLES = {"cnn1": "The study's CNN, trained from scratch", "cnn2": "The study's second, larger CNN"}


@dataclass(frozen=True)
class CnnOutcome:
    """What training a network on train came to.

    Attributes:
        valid: (n_valid, n_classes) float64 probabilities of the files of valid, in manifest order.
        test: (n_test, n_classes) float64 probabilities of the photos of test, in manifest order.
        epochs: its learning curves.
        kept_epoch: the epoch whose weights made the probabilities, from 1.
        stopped_early: whether patience ended the training.
        precision: of the products of its steps: "float32" or "bfloat16".
    """

    valid: NDArray[np.float64]
    test: NDArray[np.float64]
    epochs: Epochs
    kept_epoch: int
    stopped_early: bool
    precision: str


def train_cnn(
    data: Dataset,
    network: str,
    settings: TrainSettings,
    tick: Tick,
    on_epoch: Callable[[EpochLog], None] | None = None,
) -> CnnOutcome:
    """Train a network on all files of train, as the study does, watching valid, and predict valid and test.

    Training is checkpointed after each epoch in the cache folder, and its outcome is kept by content: the same images,
    labels, splits, network and settings never train twice.

    Raises:
        LeakageError: a photo stands in both train and test.
        MissingExtraError: torch is not installed.
    """
    manifest = data.manifest
    key = _key(manifest, network, settings)
    kept = data.cache.get("cnn", key)
    if kept is None:
        kept = _train(data, network, settings, tick, on_epoch)
        data.cache.put("cnn", key, kept)
    outcome = json.loads(kept)
    columns = [outcome["classes"].index(name) for name in manifest.classes]
    return CnnOutcome(
        valid=np.array(outcome["valid"], dtype=np.float64).reshape(-1, len(columns))[:, columns],
        test=np.array(outcome["test"], dtype=np.float64)[:, columns],
        epochs=Epochs.model_validate(
            outcome["epochs"]
            | {"n_val": len(manifest.photos_in_split("valid")), "n_train": len(manifest.photos_in_split("train"))}
        ),
        kept_epoch=outcome["kept_epoch"],
        stopped_early=outcome["stopped_early"],
        precision=outcome.get("precision", "float32"),
    )


def is_trained(data: Dataset, network: str, settings: TrainSettings) -> bool:
    """Whether `train_cnn` would find its outcome in the cache."""
    return data.cache.get("cnn", _key(data.manifest, network, settings)) is not None


def processes() -> int:
    """How many processes torchrun started, this one included; 1 without torchrun."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def leads() -> bool:
    """Whether this process writes and tells: the first of those that torchrun started, or the only one."""
    return os.environ.get("RANK", "0") == "0" or processes() == 1


def train_together(data: Dataset, network: str, settings: TrainSettings, tick: Tick) -> CnnOutcome | None:
    """As `train_cnn`, by all processes that torchrun started; the outcome in the first, None in the others.

    Raises:
        LeakageError: a photo stands in both train and test.
        MissingExtraError: torch is not installed.
        ModelError: the processes do not share a disk for checkpoints.
    """
    if processes() == 1:
        return train_cnn(data, network, settings, tick)
    require_extra("training with torchrun", "train", "torch")
    from petmood.training.distributed import agreed, join, leave

    join()
    try:
        # a training that is known already is not begun by the others either
        wanted = agreed(not is_trained(data, network, settings))
        if leads():
            return train_cnn(data, network, settings, tick)
        if wanted:
            fit_cnn(data, network, settings, tick)
        return None
    finally:
        leave()


def _key(manifest: Manifest, network: str, settings: TrainSettings) -> str:
    """Digest of what an outcome depends on: no more, so that families traced otherwise do not make it anew."""
    rows = (manifest.in_split("train"), manifest.in_split("valid"), manifest.photos_in_split("test"))
    return _digest(manifest, rows, network, settings)


def _training_key(manifest: Manifest, network: str, settings: TrainSettings) -> str:
    """Digest of what a training reads: a photo more in test is predicted, and trains nothing anew."""
    return _digest(manifest, (manifest.in_split("train"), manifest.in_split("valid")), network, settings)


def _digest(manifest: Manifest, rows: Sequence[IntArray], network: str, settings: TrainSettings) -> str:
    records = manifest.records
    causes = [
        _VERSION,
        images.DECODE_VERSION,
        sorted(manifest.classes),
        [[[records[i].sha256, records[i].class_name] for i in part] for part in rows],
        network,
        settings.causes,
    ]
    return hashlib.sha256(json.dumps(causes).encode()).hexdigest()


def fit_cnn(
    data: Dataset,
    network: str,
    settings: TrainSettings,
    tick: Tick,
    on_epoch: Callable[[EpochLog], None] | None = None,
) -> CnnClassifier:
    """Train a network on all files of train, watching valid; a training that was finished before is only read back.

    Raises:
        LeakageError: a photo stands in both train and test.
        MissingExtraError: torch is not installed.
    """
    require_extra("Training the study's CNN (leave it out with --no-cnn)", "train", "torch")
    from petmood.training.cnn import CnnClassifier

    manifest = data.manifest
    names = np.array(manifest.classes)

    def labelled(rows: IntArray) -> tuple[NDArray[np.uint8], NDArray[np.str_]]:
        return data.pixels(settings.size, rows), names[manifest.class_index[rows]]

    model = CnnClassifier(
        network=network,
        settings=settings,
        checkpoint_dir=cache_dir() / "training" / _training_key(manifest, network, settings)[:32],
        on_epoch=on_epoch,
        on_step=tick,
    )
    return model.fit(*labelled(official_fold(manifest).train), validation=labelled(manifest.in_split("valid")))


def _train(
    data: Dataset,
    network: str,
    settings: TrainSettings,
    tick: Tick,
    on_epoch: Callable[[EpochLog], None] | None,
) -> bytes:
    model, manifest = fit_cnn(data, network, settings, tick, on_epoch), data.manifest

    def predicted(rows: IntArray) -> list[list[float]]:
        pixels = data.pixels(settings.size, rows)
        found: list[list[float]] = in_class_order(model, model.predict_proba(pixels), manifest.classes).tolist()
        return found

    outcome = {
        "valid": predicted(manifest.in_split("valid")),
        "test": predicted(official_fold(manifest).evaluate),
        "classes": list(manifest.classes),
        "epochs": model.history_.model_dump(mode="json"),
        "kept_epoch": model.result_.kept_epoch,
        "stopped_early": model.result_.stopped_early,
        "precision": model.result_.precision,
    }
    return json.dumps(outcome).encode()


def cnn_settings(settings: RunSettings) -> TrainSettings:
    """How a run trains the study's CNN."""
    return TrainSettings(
        epochs=settings.cnn_epochs,
        size=settings.cnn_size,
        seed=settings.seed,
        precision=settings.cnn_precision,
        threads=settings.cnn_threads,
    )


def cnn_facts(data: Dataset, settings: RunSettings, tick: Tick) -> ModelFacts:
    """The study's first CNN as one entry of results.json: its figures on the photos of test."""
    training = cnn_settings(settings)
    outcome = train_cnn(data, "cnn1", training, tick)
    return describe_cnn(data.manifest, "cnn1", training, outcome)


def describe_cnn(manifest: Manifest, network: str, settings: TrainSettings, outcome: CnnOutcome) -> ModelFacts:
    """One entry of results.json for a trained network under the official protocol."""
    fold = official_fold(manifest)
    total, _ = count_parameters(make_network(network, len(manifest.classes), settings.size))
    return model_facts(
        manifest,
        Predictions(fold.evaluate, outcome.test, len(np.unique(manifest.family_index[fold.train]))),
        name=network,
        title=TITLES[network],
        protocol=test_name(manifest),
        seed=settings.seed,
        training=f"files of train, as in the study, {settings.size} pixels, {settings.epochs} epochs",
        settings={
            "input_size": settings.size,
            "epochs": settings.epochs,
            "parameters": total,
            "precision": outcome.precision,
            "seed": settings.seed,
        },
        epochs=outcome.epochs,
        used={"train": "fitted", "valid": "watched", "test": "evaluated"},
        basis="study-network",
    )


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
