"""`onnx:FILE` or `hub:NAME_OR_FOLDER` -> a detector; what it is fed and what its classes mean stands beside it."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field

from petmood.config import Settings
from petmood.detection.detector import Detector, GraphReading, try_layout
from petmood.detection.outputs import COCO, OutputLayout
from petmood.errors import ConfigError, ModelError, some
from petmood.features.backbones import GRAPH_VERSION, Preprocess, kept_graph
from petmood.features.graphs import open_graph
from petmood.features.inspection import inspect_graph
from petmood.features.trial import try_graph
from petmood.given import parse_json, read_given

if TYPE_CHECKING:
    import onnxruntime as ort

ANIMALS: Final = frozenset(
    "animal bear bird bunny cat cattle chick chicken cow deer dog donkey duck elephant ferret fox giraffe goat goose "
    "guinea-pig hamster hen horse kitten lion monkey mouse parrot pet pig pony puppy rabbit rat sheep squirrel tiger "
    "turtle wolf zebra".replace("-", " ").split()
) | {"guinea pig"}
"""Names of classes that count, alone or before "face" or "head", unless the user says otherwise."""

_TYPES: Final = ("tensor(float)", "tensor(float16)", "tensor(uint8)")
_HEADS: Final = ("face", "head", "body")
_IMAGENET: Final = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
_UNSCALED: Final = (0.0, 0.0, 0.0), (255.0, 255.0, 255.0)


_Number = Annotated[float, Field(strict=False)]


class DetectorFile(Settings):
    """The JSON beside a detector's graph; what it leaves out is read from the graph, or from transformers' two files.

    Attributes:
        labels: names of the classes, in the order of the scores, or by number.
        animals: those that count; by default the names of animals.
        size: side of the input in pixels; by default what the graph says.
        mean, std: subtracted from and dividing each channel (RGB) on the 0..255 scale.
        fit: "letterbox" (default for YOLO) or "stretch" (default for DETR).
        kind: "detr", "yolo", "yolo-objectness" or "end-to-end" (corners, score, class); by default told by the shapes.
        threshold: the least score of a box.
    """

    labels: dict[int, str] | None = None
    animals: tuple[str, ...] = ()
    size: int | None = Field(default=None, ge=32, le=2048)
    mean: tuple[_Number, _Number, _Number] | None = None
    std: tuple[_Number, _Number, _Number] | None = None
    fit: Literal["letterbox", "stretch"] | None = None
    kind: Literal["detr", "yolo", "yolo-objectness", "end-to-end"] | None = None
    threshold: float = Field(default=0.4, gt=0, lt=1)


def open_detector(name: str, animals: Sequence[str] = (), *, download: bool = True) -> Detector:
    """A detector by name.

    Args:
        name: `onnx:FILE`, or `hub:` and a folder that transformers saved or a name on the Hugging Face hub.
        animals: classes that count, by name; the names of animals if empty.
        download: whether a name may be fetched from the network, if it is not on this machine yet.

    Raises:
        ConfigError: another name, a JSON with unknown keys, or a class that the detector does not have.
        ModelError: the graph cannot be had, run or read, or has operators that petmood does not take.
        MissingExtraError: the first use of a hub model needs the extra `hub`.
    """
    kind, _, rest = name.partition(":")
    if kind == "onnx" and rest:
        path = Path(rest)
        if not path.is_file():
            raise ModelError(f"{path} does not exist. Name a detector's ONNX file: --detector onnx:FILE.")
        given = _beside(path)
    elif kind == "hub" and rest:
        path, given = _of_hub(rest, download)
    else:
        raise ConfigError(f"unknown detector '{name}'. Name one as onnx:FILE or hub:NAME_OR_FOLDER.")
    data = read_given(path, 2**31)
    inspect_graph(data, rest)
    session, side = _session(data, rest)
    size = given.size or side
    if size is None:
        raise ModelError(
            f'{rest} reads pictures of any size. Say which, in {path.with_suffix(".json").name}: {{"size": 640}}.'
        )
    if side is not None and side != size:
        raise ModelError(f"{rest} reads pictures of {side} pixels, its JSON says {size}. Fix 'size'.")
    try_graph(data, size, rest, count=1)
    labels = _labels(given, session)
    count = None if labels is None else max(labels, default=-1) + 1
    scale = _IMAGENET if given.kind == "detr" else _UNSCALED
    layout = try_layout(session, Preprocess(size, *scale), count, given.kind, rest)
    scale = _IMAGENET if layout.kind == "detr" else _UNSCALED
    if labels is None:
        labels = COCO.get(layout.classes, {0: "animal"} if layout.classes == 1 else {})
    reading = GraphReading(
        preprocess=Preprocess(size, given.mean or scale[0], given.std or scale[1]),
        fit=given.fit or ("stretch" if layout.kind == "detr" else "letterbox"),
        labels=labels,
        animals=_chosen(labels, animals or given.animals, layout, rest),
        threshold=given.threshold,
    )
    return Detector(rest, session, reading, layout)


def _beside(path: Path) -> DetectorFile:
    """What is said beside an ONNX file: its own JSON, or the two files that transformers saves."""
    stated = path.with_suffix(".json")
    if stated.is_file():
        values = {key: tuple(v) if isinstance(v, list) else v for key, v in _object(stated).items()}
        if isinstance(labels := values.get("labels"), tuple):
            values["labels"] = dict(enumerate(labels))
        elif isinstance(labels, dict):
            values["labels"] = {int(key) if key.isdecimal() else key: v for key, v in labels.items()}
        return DetectorFile.create(values)
    if path.with_name("config.json").is_file() and path.with_name("preprocessor_config.json").is_file():
        return _of_transformers(path.parent)
    return DetectorFile()


def _object(path: Path) -> dict[str, Any]:
    try:
        values = parse_json(read_given(path, 2**24))
    except ValueError as error:
        raise ConfigError(f"{path} is not JSON ({error}). Fix it.") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path} must hold a JSON object.")
    return values


def _of_transformers(home: Path) -> DetectorFile:
    from petmood.features.hub import preprocess_of

    named = _object(home / "config.json").get("id2label")
    preprocess = preprocess_of(home / "preprocessor_config.json")
    return DetectorFile.create(
        {
            "labels": {int(k): str(v) for k, v in named.items() if str(k).isdecimal()}
            if isinstance(named, dict)
            else None,
            "size": preprocess.size,
            "mean": preprocess.mean,
            "std": preprocess.std,
            "kind": "detr",
        }
    )


def _of_hub(source: str, download: bool) -> tuple[Path, DetectorFile]:
    from petmood.cache import cache_dir
    from petmood.features import hub

    home = hub.find(source, download=download)
    digest = hub.digest_of(home)
    given = _of_transformers(home)
    graph = cache_dir() / "detectors" / f"hub-v{GRAPH_VERSION}-{digest[:20]}.onnx"
    assert given.size is not None
    kept_graph(graph, digest, partial(hub.export_detector, home, given.size))
    return graph, given


def _session(data: bytes, name: str) -> tuple[ort.InferenceSession, int | None]:
    """An open graph, and the side of the square that it reads if it says so."""
    session = open_graph(data, name, "Export it again.")
    entries = session.get_inputs()
    shape, kind = entries[0].shape if entries else [], entries[0].type if entries else ""
    sides = {side for side in shape[2:] if isinstance(side, int)}
    shaped = len(shape) == 4 and (shape[0] == 1 or not isinstance(shape[0], int))
    coloured = shaped and (shape[1] == 3 or not isinstance(shape[1], int))
    if len(entries) != 1 or not coloured or len(sides) > 1 or kind not in _TYPES:
        told = ", ".join(f"{entry.name} {entry.shape}" for entry in entries)[:200] or "none"
        raise ModelError(f"{name} must have one input (1, 3, side, side), got {told}. Export it in that layout.")
    return session, next(iter(sides), None)


def _labels(given: DetectorFile, session: ort.InferenceSession) -> dict[int, str] | None:
    """Class -> name: as said beside the graph, or inside it by ultralytics; None if nobody says."""
    named: Any = given.labels
    if named is None:
        told = session.get_modelmeta().custom_metadata_map.get("names", "")
        try:
            named = ast.literal_eval(told) if 0 < len(told) < 100_000 else None
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            named = None
    if isinstance(named, list | tuple):
        named = dict(enumerate(named))
    if not isinstance(named, dict) or not named:
        return None
    return {k: str(v) for k, v in named.items() if isinstance(k, int) and 0 <= k < 100_000} or None


def _plain(label: str) -> str:
    return " ".join(label.casefold().replace("_", " ").replace("-", " ").split())


def _is_animal(label: str) -> bool:
    words = _plain(label)
    for part in _HEADS:
        words = words.removesuffix(f" {part}")
    return words in ANIMALS or words in _HEADS[:2]


def _chosen(labels: dict[int, str], wanted: Sequence[str], layout: OutputLayout, name: str) -> frozenset[int]:
    known = some(dict.fromkeys(labels.values()), 12)
    if wanted:
        by_name = {_plain(label): number for number, label in labels.items()}
        missing = [word for word in wanted if _plain(word) not in by_name]
        if missing:
            raise ConfigError(f"{name} has no class '{missing[0]}'. It has: {known}.")
        return frozenset(by_name[_plain(word)] for word in wanted)
    found = frozenset(number for number, label in labels.items() if _is_animal(label))
    if not found and len(labels) == 1:
        return frozenset(labels)
    if not found:
        raise ConfigError(
            f"no class of {name} is known as an animal; it has: {known or 'no names'}. Say which count: "
            "--animals NAME,NAME, or 'labels' in the JSON beside it."
        )
    return found
