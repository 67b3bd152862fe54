"""The study's networks on prepared images: trained once for given data and settings, then known by content."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from petmood import images
from petmood.cache import ContentCache, cache_dir
from petmood.config import RunSettings
from petmood.errors import require_extra
from petmood.evaluate.protocols import OFFICIAL, in_class_order
from petmood.progress import Tick
from petmood.records import IntArray, Manifest
from petmood.results import Epochs, ModelFacts
from petmood.sources import Source
from petmood.split import official_fold
from petmood.train.networks import count_parameters, make_network
from petmood.train.settings import EpochLog, TrainSettings
from petmood.workflows.frozen import model_facts

if TYPE_CHECKING:
    from petmood.train.cnn import CnnClassifier

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


def load_pixels(source: Source, manifest: Manifest, rows: Sequence[int] | IntArray, size: int) -> NDArray[np.uint8]:
    """(len(rows), size, size, 3) uint8 RGB pixels of some records, prepared as the study does."""
    pixels = np.empty((len(rows), size, size, 3), dtype=np.uint8)

    def fill(item: tuple[int, int]) -> None:
        at, row = item
        data = source.read(manifest.records[row].path, images.MAX_FILE_BYTES)
        pixels[at] = images.decode(data, size)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(fill, ((at, int(row)) for at, row in enumerate(rows))))
    return pixels


def train_cnn(
    source: Source,
    manifest: Manifest,
    network: str,
    settings: TrainSettings,
    cache: ContentCache,
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
    key = _key(manifest, network, settings)
    kept = cache.get("cnn", key)
    if kept is None:
        kept = _train(source, manifest, network, settings, tick, on_epoch)
        cache.put("cnn", key, kept)
    outcome = json.loads(kept)
    columns = [outcome["classes"].index(name) for name in manifest.classes]
    return CnnOutcome(
        valid=np.array(outcome["valid"], dtype=np.float64).reshape(-1, len(columns))[:, columns],
        test=np.array(outcome["test"], dtype=np.float64)[:, columns],
        epochs=Epochs.model_validate(outcome["epochs"] | {"n_val": len(outcome["valid"])}),
        kept_epoch=outcome["kept_epoch"],
        stopped_early=outcome["stopped_early"],
        precision=outcome.get("precision", "float32"),
    )


def processes() -> int:
    """How many processes torchrun started, this one included; 1 without torchrun."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def leads() -> bool:
    """Whether this process writes and tells: the first of those that torchrun started, or the only one."""
    return os.environ.get("RANK", "0") == "0" or processes() == 1


def train_together(
    source: Source, manifest: Manifest, network: str, settings: TrainSettings, cache: ContentCache, tick: Tick
) -> CnnOutcome | None:
    """As `train_cnn`, by all processes that torchrun started; the outcome in the first, None in the others.

    Raises:
        LeakageError: a photo stands in both train and test.
        MissingExtraError: torch is not installed.
        ModelError: the processes do not share a disk for checkpoints.
    """
    if processes() == 1:
        return train_cnn(source, manifest, network, settings, cache, tick)
    require_extra("training with torchrun", "train", "torch")
    from petmood.train.distributed import agreed, join, leave

    join()
    try:
        # a training that is known already is not begun by the others either
        wanted = agreed(cache.get("cnn", _key(manifest, network, settings)) is None)
        if leads():
            return train_cnn(source, manifest, network, settings, cache, tick)
        if wanted:
            fit_cnn(source, manifest, network, settings, tick)
        return None
    finally:
        leave()


def _key(manifest: Manifest, network: str, settings: TrainSettings) -> str:
    """Digest of what a training reads: no more, so that families traced otherwise do not train it anew."""
    records = manifest.records
    rows = (manifest.in_split("train"), manifest.in_split("valid"), manifest.photos_in_split("test"))
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
    source: Source,
    manifest: Manifest,
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
    from petmood.train.cnn import CnnClassifier

    names = np.array(manifest.classes)

    def labelled(rows: IntArray) -> tuple[NDArray[np.uint8], NDArray[np.str_]]:
        return load_pixels(source, manifest, rows, settings.size), names[manifest.class_index[rows]]

    model = CnnClassifier(
        network=network,
        settings=settings,
        checkpoint_dir=cache_dir() / "training" / _key(manifest, network, settings)[:32],
        on_epoch=on_epoch,
        on_step=tick,
    )
    return model.fit(*labelled(official_fold(manifest).train), validation=labelled(manifest.in_split("valid")))


def _train(
    source: Source,
    manifest: Manifest,
    network: str,
    settings: TrainSettings,
    tick: Tick,
    on_epoch: Callable[[EpochLog], None] | None,
) -> bytes:
    model = fit_cnn(source, manifest, network, settings, tick, on_epoch)

    def predicted(rows: IntArray) -> list[list[float]]:
        pixels = load_pixels(source, manifest, rows, settings.size)
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
        epochs=settings.cnn_epochs, size=settings.cnn_size, seed=settings.seed, precision=settings.cnn_precision
    )


def cnn_facts(source: Source, manifest: Manifest, settings: RunSettings, cache: ContentCache, tick: Tick) -> ModelFacts:
    """The study's first CNN as one entry of results.json: its figures on the photos of test."""
    training = cnn_settings(settings)
    outcome = train_cnn(source, manifest, "cnn1", training, cache, tick)
    return describe_cnn(manifest, "cnn1", training, outcome)


def describe_cnn(manifest: Manifest, network: str, settings: TrainSettings, outcome: CnnOutcome) -> ModelFacts:
    """One entry of results.json for a trained network under the official protocol."""
    fold = official_fold(manifest)
    total, _ = count_parameters(make_network(network, len(manifest.classes), settings.size))
    return model_facts(
        manifest,
        np.asarray(outcome.test.argmax(axis=1), dtype=np.int64),
        fold.evaluate,
        name=network,
        title=TITLES[network],
        protocol=OFFICIAL,
        n_train=len(np.unique(manifest.family_index[fold.train])),
        settings={
            "input_size": settings.size,
            "epochs": settings.epochs,
            "parameters": total,
            "precision": outcome.precision,
            "seed": settings.seed,
        },
        epochs=outcome.epochs,
    )
