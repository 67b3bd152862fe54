"""`petmood quantise`: a backbone and labelled faces -> it in int8, as an ONNX file, and what that costs and gains."""

from __future__ import annotations

import hashlib
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from petmood.build.quantised import CALIBRATION, calibration_photos
from petmood.bundle.int8 import quantised_graph, refuse_quantised
from petmood.config import Settings
from petmood.dataset import open_dataset
from petmood.dataset.models import head
from petmood.errors import ConfigError
from petmood.evaluation.protocols import grouped
from petmood.evaluation.statistics import paired_facts
from petmood.features import Backbone, load_backbone
from petmood.features.extract import embed_batch, open_session
from petmood.features.onnx_file import GraphFile
from petmood.files import output_files
from petmood.progress import Progress
from petmood.records import FloatArray
from petmood.results.quantised import QuantisedFacts, SpeedFacts
from petmood.store import write_bytes, write_json
from petmood.threads import in_streams

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

_MARK: Final = "petmood.quantised_from"  # key of a graph's metadata: what it was made from
_TURNS: Final = 7
_TIMED: Final = 64  # images in a turn


class QuantiseSettings(Settings):
    """What `petmood quantise` does.

    Attributes:
        backbone: the network, by any name that `load_backbone` knows.
        photos: of train, that ranges of activations are taken from.
        folds: of cross-validation, which compares int8 with float32.
        seed: of folds, of splits that the data lacks, and of the classifier.
    """

    backbone: str = "efficientnet-lite0"
    photos: int = Field(default=CALIBRATION, ge=1, le=10_000)
    folds: int = Field(default=5, ge=2, le=50)
    seed: int = Field(default=42, ge=0, lt=2**31)


def quantise_backbone(
    data: Path, out: Path, settings: QuantiseSettings, progress: Progress | None = None
) -> QuantisedFacts:
    """Write a backbone in int8, `out`, and the JSON beside it by which `onnx:OUT` is a backbone like any other.

    Ranges of activations are taken from the pixels of photos of train; no label is looked at. What int8 changes is
    measured on all photos by cross-validation grouped by family. Equal data and settings give an equal file.

    Args:
        data: labelled faces, as `petmood train` takes them.
        out: ends in .onnx; a file that petmood wrote there is replaced.
        settings: which backbone, and how.
        progress: where to show the stages.

    Raises:
        ConfigError: `out` has another ending, or the backbone is unknown.
        DataError: the data cannot be used, has no labels or too few, or `out` is a file that petmood did not write.
        ModelError: the backbone cannot be had, or is quantised already.
    """
    if out.suffix != ".onnx":
        raise ConfigError(f"--out {out} must end in .onnx; its JSON will stand beside it. Choose such a name.")
    with output_files(out, (out.name, out.with_suffix(".json").name), [data]) as folder:
        return _quantise(data, out, folder / out.name, settings, progress)


def _quantise(
    data: Path, out: Path, made: Path, settings: QuantiseSettings, progress: Progress | None
) -> QuantisedFacts:
    backbone = load_backbone(settings.backbone)
    plain = backbone.graph.read_bytes()
    refuse_quantised(plain)  # before anything that takes its time
    with (
        open_dataset(data, seed=settings.seed, progress=progress) as opened,
        tempfile.TemporaryDirectory() as folder,
    ):
        manifest, timed, photos = opened.manifest, opened.timed, opened.photos
        protocol = grouped(manifest, settings.folds, settings.seed)
        chosen = calibration_photos(manifest, settings.photos)
        with timed.stage("quantise", "Quantising"):
            pixels = opened.pixels(backbone.preprocess.size, chosen)
            graph = _marked(quantised_graph(plain, backbone.preprocess.apply(pixels)), backbone)
        small = replace(
            backbone,
            name=f"{backbone.name}-int8",
            graph=Path(folder) / "int8.onnx",
            digest=hashlib.sha256(graph).hexdigest(),
        )
        write_bytes(small.graph, graph)

        before, after = (photos.predictions(head(one), protocol).hits(photos.manifest) for one in (backbone, small))
        cosines = _cosines(*(photos.features(one).vectors for one in (backbone, small)))
        with timed.stage("speed", "Speed, in turns"):
            speed = _speed(backbone, small, pixels[:_TIMED])
    _write(made, graph, small)
    return QuantisedFacts(
        backbone=settings.backbone,
        name=small.name,
        graph=str(out),
        bytes_before=len(plain),
        bytes_after=len(graph),
        calibration_photos=len(chosen),
        comparison=paired_facts(after, before, name=small.name, reference=backbone.name, protocol=protocol.name),
        cosine_mean=float(cosines.mean()),
        cosine_low=float(cosines.min()),
        speed=speed,
    )


def _marked(graph: bytes, source: Backbone) -> bytes:
    import onnx

    model = onnx.load_from_string(graph)
    onnx.helper.set_model_props(model, {_MARK: source.digest})
    made: bytes = model.SerializeToString(deterministic=True)
    return made


def _cosines(a: FloatArray, b: FloatArray) -> NDArray[np.float64]:
    """(n,) float64 cosine similarity of rows; where one has no length, whether they are equal."""
    lengths = np.linalg.norm(a, axis=1).astype(np.float64) * np.linalg.norm(b, axis=1)
    products = np.einsum("ij,ij->i", a, b, dtype=np.float64)
    found: NDArray[np.float64] = np.where(
        lengths > 0, products / np.where(lengths > 0, lengths, 1), (a == b).all(axis=1)
    )
    return found


def _speed(plain: Backbone, small: Backbone, pixels: NDArray[np.uint8]) -> SpeedFacts:
    sessions = [(open_session(one, 1), one) for one in (plain, small)]
    ratios = []
    for turn in range(_TURNS + 1):
        before, after = (_seconds(session, one, pixels) for session, one in sessions)
        if turn:  # the first allocates
            ratios.append(before / after)
    return SpeedFacts(
        speedup=statistics.median(ratios),
        speedup_range=(min(ratios), max(ratios)),
        turns=_TURNS,
        images=len(pixels),
    )


def _seconds(session: InferenceSession, backbone: Backbone, pixels: NDArray[np.uint8]) -> float:
    """Of preparing and inferring, as embedding does it: one thread per core."""

    def infer(index: Sequence[int]) -> None:
        embed_batch(session, backbone, pixels[index])

    start = time.perf_counter()
    for _ in in_streams(range(len(pixels)), infer):
        pass
    return time.perf_counter() - start


def _write(out: Path, graph: bytes, small: Backbone) -> None:
    stated = GraphFile(
        name=small.name,
        size=small.preprocess.size,
        mean=small.preprocess.mean,
        std=small.preprocess.std,
        features=small.features,
        logits=small.logits,
        map=small.map,
        licence=small.licence,
    )
    write_bytes(out, graph)
    write_json(out.with_suffix(".json"), stated.model_dump(mode="json", exclude_none=True))
