"""Backbone or network and head -> one ONNX graph, from uint8 pixels to calibrated probabilities."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from petmood.audit.species import N_IMAGENET
from petmood.errors import MissingExtraError, ModelError
from petmood.features import Backbone, Preprocess

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, ValueInfoProto

PIXELS: Final = "pixels"
PROBABILITIES: Final = "probabilities"
SCORES: Final = "scores"
FEATURES: Final = "features"
CAM: Final = "cam"
IMAGENET: Final = "imagenet"

_OPSET: Final = 17
_IR: Final = 8
_OWN: Final = "petmood."


@dataclass(frozen=True)
class LinearHead:
    """Scores of classes: features @ weights + bias.

    Attributes:
        weights: (dim, n_classes) float.
        bias: (n_classes,) float.
    """

    weights: NDArray[np.floating[Any]]
    bias: NDArray[np.floating[Any]]


def head_graph(backbone: Backbone, head: LinearHead, temperature: float = 1.0) -> bytes:
    """The graph of a linear head on a frozen backbone.

    Input `pixels` (n, size, size, 3) uint8 RGB. Outputs, float32: `probabilities` (n, k), softmax(scores /
    temperature); `scores` (n, k); `features` (n, dim); `cam` (n, k, h', w'), whose mean over its places is `scores`;
    `imagenet` (n, 1000) where the backbone has such a head.

    Raises:
        MissingExtraError: onnx is not installed.
        ModelError: the head does not fit the backbone.
    """
    onnx = _onnx()
    model = _renamed_input(onnx.load(str(backbone.graph)))
    graph = model.graph
    dim, k = head.weights.shape
    values = {o.name: o for o in graph.output}
    found = _width(values[backbone.features])
    if found not in (0, dim):
        raise ModelError(
            f"the head reads {dim} features, but {backbone.name} gives {found}. Train it on {backbone.name}."
        )
    del graph.output[:]
    _rename_value(graph, backbone.features, FEATURES)
    own_head = backbone.logits is not None and _width(values[backbone.logits]) == N_IMAGENET
    if backbone.logits and own_head:
        _rename_value(graph, backbone.logits, IMAGENET)
    _normalise(graph, backbone.preprocess)
    weights = head.weights.astype(np.float32)
    bias = head.bias.astype(np.float32)
    _constant(graph, "weights", weights)
    _constant(graph, "bias", bias)
    _add(graph, "Gemm", [FEATURES, _OWN + "weights", _OWN + "bias"], [SCORES])
    outputs = [_softmax(graph, k, temperature), (SCORES, ["n", k]), (FEATURES, ["n", dim])]
    if backbone.map:
        _constant(graph, "weights_by_place", np.ascontiguousarray(weights.T)[:, :, None, None])
        _add(graph, "Conv", [backbone.map, _OWN + "weights_by_place", _OWN + "bias"], [CAM])
        outputs.append((CAM, ["n", k, "map_h", "map_w"]))
    if own_head:
        outputs.append((IMAGENET, ["n", N_IMAGENET]))
    return _finish(model, backbone.preprocess.size, outputs)


def network_graph(network: bytes, preprocess: Preprocess, n_classes: int, temperature: float = 1.0) -> bytes:
    """The graph of a trained network: normalisation before it, calibrated softmax after it.

    Args:
        network: an ONNX graph with the input `pixels` (n, 3, h, w) float32, normalised, and the outputs `features`
            (n, dim) and `scores` (n, n_classes), optionally `cam` (n, n_classes, h', w') and `imagenet` (n, 1000).
        preprocess: what the network expects of its input.
        n_classes: number of classes.
        temperature: divides the scores before the softmax.
    """
    onnx = _onnx()
    model = _renamed_input(onnx.load_from_string(network))
    graph = model.graph
    kept = []
    for value in graph.output:
        dims = [d.dim_value or d.dim_param or f"d{i}" for i, d in enumerate(value.type.tensor_type.shape.dim)]
        kept.append((value.name, ["n", *dims[1:]]))
    del graph.output[:]
    _normalise(graph, preprocess)
    outputs = [_softmax(graph, n_classes, temperature), *kept]
    return _finish(model, preprocess.size, outputs)


def _width(value: ValueInfoProto) -> int:
    """Columns of a (n, columns) value; 0 where the graph leaves them open."""
    return int(value.type.tensor_type.shape.dim[1].dim_value)


def _onnx() -> Any:
    if importlib.util.find_spec("onnx") is None:
        raise MissingExtraError("Making a bundle", "train", "onnx")
    import onnx

    return onnx


def _renamed_input(model: ModelProto) -> ModelProto:
    graph = model.graph
    _rename_value(graph, graph.input[0].name, _OWN + "normalised")
    del graph.input[:]
    return model


def _rename_value(graph: GraphProto, old: str, new: str) -> None:
    if old == new:
        return
    for node in graph.node:
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                if name == old:
                    names[i] = new


def _constant(graph: GraphProto, name: str, value: NDArray[Any]) -> None:
    from onnx import numpy_helper

    graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(value), _OWN + name))


def _node(kind: str, inputs: list[str], outputs: list[str], **attributes: Any) -> NodeProto:
    from onnx import helper

    return helper.make_node(kind, inputs, outputs, name=_OWN + outputs[0].removeprefix(_OWN), **attributes)


def _add(graph: GraphProto, kind: str, inputs: list[str], outputs: list[str], **attributes: Any) -> None:
    graph.node.append(_node(kind, inputs, outputs, **attributes))


def _normalise(graph: GraphProto, preprocess: Preprocess) -> None:
    """Put (n, size, size, 3) uint8 -> (n, 3, size, size) float32 before everything else, as Preprocess.apply does."""
    from onnx import TensorProto

    shape = (1, 3, 1, 1)
    _constant(graph, "mean", np.array(preprocess.mean, dtype=np.float32).reshape(shape))
    _constant(graph, "std", np.array(preprocess.std, dtype=np.float32).reshape(shape))
    before = [
        _node("Transpose", [PIXELS], [_OWN + "planes"], perm=[0, 3, 1, 2]),
        _node("Cast", [_OWN + "planes"], [_OWN + "float"], to=TensorProto.FLOAT),
        _node("Sub", [_OWN + "float", _OWN + "mean"], [_OWN + "centred"]),
        _node("Div", [_OWN + "centred", _OWN + "std"], [_OWN + "normalised"]),
    ]
    nodes = [*before, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _softmax(graph: GraphProto, k: int, temperature: float) -> tuple[str, list[str | int]]:
    if not temperature > 0:
        raise ModelError(f"the temperature must be above 0, got {temperature}. Use 1 for no calibration.")
    _constant(graph, "temperature", np.array([temperature], dtype=np.float32))
    _add(graph, "Div", [SCORES, _OWN + "temperature"], [_OWN + "calibrated"])
    _add(graph, "Softmax", [_OWN + "calibrated"], [PROBABILITIES], axis=1)
    return PROBABILITIES, ["n", k]


def _finish(model: ModelProto, size: int, outputs: list[tuple[str, list[str | int]]]) -> bytes:
    import onnx
    from onnx import TensorProto, helper

    graph = model.graph
    graph.input.append(helper.make_tensor_value_info(PIXELS, TensorProto.UINT8, ["n", size, size, 3]))
    graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs)
    # shapes that were noted for the parts may be named otherwise in the whole
    del graph.value_info[:]
    graph.name = "petmood"
    model.producer_name = "petmood"
    model.producer_version = ""
    model.ir_version = _IR
    onnx.checker.check_model(model)
    whole: bytes = model.SerializeToString(deterministic=True)
    return whole
