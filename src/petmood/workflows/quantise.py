"""A bundle and labelled faces -> the same model with int8 weights and activations, and what that costs in accuracy."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from petmood.bundle import Bundle, ModelDescription, save
from petmood.bundle.folder import Parts
from petmood.bundle.ops import PIXELS
from petmood.cache import ContentCache
from petmood.errors import DataError, MissingExtraError
from petmood.evaluate.protocols import OFFICIAL
from petmood.progress import Silent, Timed
from petmood.records import IntArray, Manifest
from petmood.results import ModelFacts
from petmood.sources import Source, open_source
from petmood.workflows.cnn import load_pixels
from petmood.workflows.families import read_split
from petmood.workflows.frozen import model_facts

_CALIBRATION: Final = 96
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
        MissingExtraError: onnx is not installed.
    """
    with open_source(data) as source:
        manifest = read_split(source, ContentCache(), Timed(Silent()), seed=seed)
        if manifest.classes != bundle.classes:
            raise DataError(
                f"{data} has the classes {', '.join(manifest.classes)}; the bundle knows {', '.join(bundle.classes)}. "
                "Give the data that it was trained on."
            )
        known = manifest.photos_in_split("train")
        chosen = known[:: max(1, len(known) // _CALIBRATION)][:_CALIBRATION]
        graph = quantised_graph(parts.graph, load_pixels(source, manifest, chosen, bundle.size))
        smaller = Bundle(Parts(parts.description, graph, parts.neighbours), bundle.name)
        evaluation = tuple(
            _on_test(model, source, manifest, title)
            for model, title in ((bundle, parts.description.title), (smaller, f"{parts.description.title}, int8"))
        )
    description = parts.description.model_copy(
        update={
            "title": f"{parts.description.title}, int8",
            "evaluation": evaluation,
            "settings": parts.description.settings | {"quantised": "int8", "calibration_photos": len(chosen)},
        }
    )
    return save(out, graph, description, parts.neighbours)


def quantised_graph(graph: bytes, inputs: NDArray[np.uint8] | NDArray[np.float32]) -> bytes:
    """An ONNX graph with int8 weights and activations, but for what petmood added to it.

    Args:
        graph: its one input is called `pixels`.
        inputs: (n, ...) what it is fed; ranges of activations are taken from them.

    Raises:
        MissingExtraError: onnx is not installed.
    """
    try:
        import onnx
        from onnxruntime import quantization
        from onnxruntime.quantization.shape_inference import quant_pre_process
    except ModuleNotFoundError as error:
        raise MissingExtraError("Quantising a bundle", "train", error.name or "onnx") from error

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
        """Hands the calibration photos to ONNX Runtime, some at a time."""

        def __init__(self) -> None:
            self.batches: Iterator[dict[str, Any]] = (
                {PIXELS: inputs[i : i + _BATCH]} for i in range(0, len(inputs), _BATCH)
            )

        def get_next(self) -> dict[str, Any] | None:
            """The next input, or None."""
            return next(self.batches, None)

    with tempfile.TemporaryDirectory() as folder:
        plain, ready, small = (Path(folder) / name for name in ("plain.onnx", "ready.onnx", "small.onnx"))
        plain.write_bytes(graph)
        quant_pre_process(str(plain), str(ready), skip_symbolic_shape=True)
        own = [n.name for n in onnx.load(str(ready)).graph.node if n.name.startswith("petmood.") or n.name == "scores"]
        quantization.quantize_static(
            str(ready),
            str(small),
            Reader(),
            per_channel=True,
            op_types_to_quantize=["Conv", "Gemm", "MatMul", "Add", "Clip", "Relu", "MaxPool"],
            nodes_to_exclude=[*own, *(n for n in ("cam", "scores", "imagenet", "probabilities"))],
        )
        return small.read_bytes()


def _on_test(bundle: Bundle, source: Source, manifest: Manifest, title: str) -> ModelFacts:
    rows = manifest.photos_in_split("test")
    parts = [
        bundle.infer(load_pixels(source, manifest, rows[i : i + _BATCH], bundle.size))
        for i in range(0, len(rows), _BATCH)
    ]
    predicted: IntArray = np.concatenate([p.probabilities for p in parts]).argmax(axis=1).astype(np.int64)
    facts = model_facts(
        manifest,
        predicted,
        rows,
        name=title,
        title=title,
        protocol=OFFICIAL,
        n_train=bundle.description.data.fitted,
        settings={},
    )
    return facts.model_copy(update={"protocol_text": "The weights of the bundle, evaluated on the photos of test."})
