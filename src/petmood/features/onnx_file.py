"""`onnx:PATH` -> backbone: a user's own ONNX graph, and the small JSON file that says how to feed and read it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import Field

from petmood.config import Settings
from petmood.errors import ConfigError, ModelError
from petmood.features.backbones import Backbone, Preprocess
from petmood.features.graphs import open_graph
from petmood.features.inspection import inspect_graph
from petmood.features.trial import try_graph
from petmood.given import read_given
from petmood.store import atomic_path, read_json

if TYPE_CHECKING:
    import onnx

_POOLING: Final = frozenset({"ReduceMean", "GlobalAveragePool", "Flatten", "Squeeze", "Reshape", "Identity"})
"""Operators that may stand between a graph's local features and its pooled ones."""


class GraphFile(Settings):
    """The JSON beside a graph.

    Attributes:
        name: of the backbone; by default the graph's file name.
        graph: path of the ONNX file, relative to this one; by default this file's name with `.onnx`.
        size: side of the input in pixels.
        mean, std: subtracted from and dividing each channel (RGB) on the 0..255 scale.
        features: the output with (n, dim) pooled features.
        logits: the output with the scores of the graph's own head, or null.
        map: the tensor, output or not, with (n, dim, h, w) local features; if null, what the features are pooled from.
        licence: of the weights, for people.
    """

    name: str | None = None
    graph: str | None = None
    size: int = Field(ge=8, le=2048)
    mean: tuple[float, float, float] = Field(strict=False)
    std: tuple[float, float, float] = Field(strict=False)
    features: str = "features"
    logits: str | None = None
    map: str | None = None
    licence: str = "unknown"


def load(path: Path, folder: Path) -> Backbone:
    """A backbone from an ONNX file and its JSON; `path` may be either.

    Where the local features are an inner tensor of the graph, a copy of the graph that gives them too is kept in
    `folder`.

    Raises:
        ConfigError: the JSON has an unknown key, or a value out of range.
        ModelError: a file is missing, or is not an ONNX graph with the outputs that the JSON names, or has operators
            that a bundle may not have, or takes too much time or memory.
    """
    stated = path.with_suffix(".json")
    if not stated.is_file():
        raise ModelError(
            f"{stated} does not exist: it must say how to feed the graph. Write it with size, mean, std and features; "
            'for a MobileNet {"size": 224, "mean": [127.5, 127.5, 127.5], "std": [127.5, 127.5, 127.5]}.'
        )
    values: Any = read_json(stated)
    if not isinstance(values, dict):
        raise ConfigError(f"{stated} must hold a JSON object with size, mean and std.")
    given = GraphFile.create({k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
    graph = stated.parent / given.graph if given.graph else path.with_suffix(".onnx")
    if not graph.is_file():
        raise ModelError(f"the graph {graph} does not exist. Name it in {stated.name}, key 'graph'.")
    data = read_given(graph, 2**31)
    inspect_graph(data, str(graph))
    try_graph(data, given.size, str(graph))
    outputs = _outputs(data, graph)
    for wanted in (given.features, *([given.logits] if given.logits else [])):
        if wanted not in outputs:
            raise ModelError(f"{graph.name} has no output '{wanted}'; it has {', '.join(outputs)}. Fix {stated.name}.")
    local = given.map
    if local is None or local not in outputs:
        graph, local = _with_map(data, graph, given, folder)
        data = graph.read_bytes()
    return Backbone(
        name=given.name or path.stem,
        graph=graph,
        digest=hashlib.sha256(data).hexdigest(),
        preprocess=Preprocess(given.size, given.mean, given.std),
        features=given.features,
        logits=given.logits,
        map=local,
        licence=given.licence,
    )


def _outputs(data: bytes, graph: Path) -> list[str]:
    session = open_graph(data, str(graph), "Export it again.")
    shape = session.get_inputs()[0].shape
    if len(session.get_inputs()) != 1 or len(shape) != 4 or not (shape[1] == 3 or isinstance(shape[1], str | None)):
        raise ModelError(f"{graph} must have one input (n, 3, height, width), got {shape}. Export it in that layout.")
    return [output.name for output in session.get_outputs()]


def _with_map(data: bytes, graph: Path, given: GraphFile, folder: Path) -> tuple[Path, str | None]:
    """The graph's copy with its local features as an output, and their name; the graph itself where there are none."""
    digest = hashlib.sha256(f"{given.features}|{given.map}|".encode() + data).hexdigest()
    for made in folder.glob(f"map-{digest[:20]}-*.onnx"):
        return made, bytes.fromhex(made.stem.rsplit("-", 1)[1]).decode()
    import onnx

    model = onnx.load_from_string(data)
    name = given.map or _pooled_from(model.graph, given.features)
    if name is None:
        return graph, None
    if name not in {tensor for node in model.graph.node for tensor in node.output}:
        raise ModelError(f"{graph.name} has no tensor '{name}'. Fix key 'map' of its JSON, or leave it out.")
    model.graph.output.append(onnx.ValueInfoProto(name=name))
    target = folder / f"map-{digest[:20]}-{name.encode().hex()}.onnx"
    with atomic_path(target) as temporary:
        temporary.write_bytes(model.SerializeToString())
    return target, name


def _pooled_from(graph: onnx.GraphProto, features: str) -> str | None:
    """The tensor from which an output is pooled: back through pooling and reshaping to the first other operator."""
    maker = {output: node for node in graph.node for output in node.output}
    name, pooled = features, False
    while name in maker and maker[name].op_type in _POOLING:
        pooled = pooled or maker[name].op_type in ("ReduceMean", "GlobalAveragePool")
        name = maker[name].input[0]
    return name if pooled and name in maker else None
