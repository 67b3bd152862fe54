"""A bundle and labelled faces -> the same model with int8 weights and activations, and what that costs in accuracy."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from petmood.bundle import Bundle, ModelDescription, save
from petmood.bundle.folder import Parts
from petmood.bundle.int8 import quantised_graph, refuse_quantised
from petmood.dataset import Dataset, open_dataset
from petmood.dataset.figures import model_facts
from petmood.errors import DataError
from petmood.evaluation.protocols import Predictions, test_name
from petmood.records import IntArray, Manifest
from petmood.results import ModelFacts

CALIBRATION: Final = 96
"""Photos of train that ranges of activations are taken from, unless asked otherwise."""

_BATCH: Final = 32


def quantise(bundle: Bundle, parts: Parts, data: Path, out: Path, seed: int = 42) -> ModelDescription:
    """Quantise a bundle's graph to int8 and save it as a bundle of its own.

    Ranges of activations are taken from photos of train; accuracy before and after is measured on the photos of test.
    Normalisation, head, softmax and class activation map stay in float32.

    Args:
        bundle: the model.
        parts: its files as read.
        data: labelled faces of the classes of the bundle, as `petmood train` takes them.
        out: the new bundle.
        seed: with which the splits were made, where the data has none.

    Returns:
        Its description, whose evaluation has two entries: the model before and after.

    Raises:
        DataError: the data has other classes than the bundle.
        ModelError: the bundle is quantised already.
    """
    refuse_quantised(parts.graph)
    with open_dataset(data, seed=seed) as opened:
        manifest = opened.manifest
        if manifest.classes != bundle.classes:
            raise DataError(
                f"{data} has the classes {', '.join(manifest.classes)}; the bundle knows {', '.join(bundle.classes)}. "
                "Give the data that it was trained on."
            )
        chosen = calibration_photos(manifest)
        graph = quantised_graph(parts.graph, opened.pixels(bundle.size, chosen))
        smaller = Bundle(Parts(parts.description, graph, parts.neighbours), bundle.name)
        evaluation = tuple(
            _on_test(model, opened, title, seed)
            for model, title in ((bundle, parts.description.title), (smaller, f"{parts.description.title}, int8"))
        )
    description = parts.description.model_copy(
        update={
            "title": f"{parts.description.title}, int8",
            "evaluation": evaluation,
            "settings": parts.description.settings | {"quantised": "int8", "calibration_photos": len(chosen)},
        }
    )
    return save(out, graph, description, parts.neighbours, parts.memory)


def calibration_photos(manifest: Manifest, count: int = CALIBRATION) -> IntArray:
    """(<= count,) int64 records: photos of train, evenly over its order, so that every class is among them."""
    known = manifest.photos_in_split("train")
    return known[:: max(1, len(known) // count)][:count]


def _on_test(bundle: Bundle, data: Dataset, title: str, seed: int) -> ModelFacts:
    rows = data.manifest.photos_in_split("test")
    parts = [bundle.infer(data.pixels(bundle.size, rows[i : i + _BATCH])) for i in range(0, len(rows), _BATCH)]
    probabilities = np.concatenate([p.probabilities for p in parts]).astype(np.float64)
    return model_facts(
        data.manifest,
        Predictions(rows, probabilities, bundle.description.data.fitted),
        name=title,
        title=title,
        protocol=test_name(data.manifest),
        seed=seed,
        training="as its bundle says",
        basis="these-weights-again",
    )
