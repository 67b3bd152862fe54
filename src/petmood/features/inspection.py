"""What an ONNX file is made of, read from its bytes before any of it is run: operators, and data kept elsewhere.

A bundle or a backbone may come from a stranger. ONNX Runtime opens whatever file a graph names and runs whatever loop
it holds, so the file is looked through first; the wire format of Protocol Buffers is simple enough to do so without the
package onnx, which prediction does not need.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from petmood.errors import ModelError

MAX_NODES: Final = 100_000

# fmt: off
ALLOWED: Final = frozenset({
    "Abs", "Acos", "Add", "And", "ArgMax", "ArgMin", "Asin", "Atan", "AveragePool", "BatchNormalization", "BiasGelu",
    "BiasSoftmax", "BitShift", "Cast", "CastLike", "Ceil", "Celu", "Clip", "Concat", "Constant", "ConstantOfShape",
    "Conv", "ConvInteger", "ConvTranspose", "Cos", "Cosh", "CumSum", "DepthToSpace", "DequantizeLinear", "Div",
    "Dropout", "DynamicQuantizeLinear", "DynamicQuantizeMatMul", "Einsum", "Elu", "Equal", "Erf", "Exp", "Expand",
    "EyeLike", "FastGelu", "Flatten", "Floor", "FusedConv", "FusedGemm", "FusedMatMul", "Gather", "GatherElements",
    "GatherND", "Gelu", "Gemm", "GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool", "Greater", "GreaterOrEqual",
    "GridSample", "GroupNormalization", "HardSigmoid", "HardSwish", "Hardmax", "Identity", "InstanceNormalization",
    "IsInf", "IsNaN", "LRN", "LayerNormalization", "LeakyRelu", "Less", "LessOrEqual", "LinearClassifier",
    "LinearRegressor", "Log", "LogSoftmax", "LpNormalization", "LpPool", "MatMul", "MatMulInteger",
    "MatMulIntegerToFloat", "Max", "MaxPool", "Mean", "MeanVarianceNormalization", "Min", "Mish", "Mod", "Mul", "Neg",
    "NhwcConv", "Normalizer", "Not", "OneHot", "Or", "PRelu", "Pad", "Pow", "QAttention", "QGemm", "QLinearAdd",
    "QLinearAveragePool", "QLinearConcat", "QLinearConv", "QLinearGlobalAveragePool", "QLinearLeakyRelu",
    "QLinearMatMul", "QLinearMul", "QLinearSigmoid", "QLinearSoftmax", "QLinearWhere", "QuantizeLinear", "QuickGelu",
    "RMSNormalization", "Range", "Reciprocal", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax",
    "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare", "Relu", "Reshape", "Resize", "Round",
    "SVMClassifier", "SVMRegressor", "Scaler", "ScatterElements", "ScatterND", "Selu", "Shape", "Shrink", "Sigmoid",
    "Sign", "Sin", "Sinh", "Size", "SkipLayerNormalization", "Slice", "Softmax", "Softplus", "Softsign",
    "SpaceToDepth", "Split", "Sqrt", "Squeeze", "Sub", "Sum", "Swish", "Tan", "Tanh", "ThresholdedRelu", "Tile",
    "TopK", "Transpose", "TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor", "Trilu", "Unsqueeze",
    "Upsample", "Where", "Xor",
})
"""Operators that a graph may have: none loops, branches, draws numbers, keeps a state or handles texts."""

SIZING: Final = {
    "ConstantOfShape": 0, "Range": 0, "Expand": 1, "OneHot": 1, "Pad": 1, "Reshape": 1, "Resize": 1, "Slice": 1,
    "Split": 1, "Squeeze": 1, "Tile": 1, "TopK": 1, "Unsqueeze": 1, "Upsample": 1,
}
"""Operator -> its first input by whose values, not by whose shape alone, the size of what it gives is set."""
# fmt: on

_DOMAINS: Final = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft", "com.microsoft.nchwc"})

# numbers of fields in onnx.proto
_MODEL_GRAPH, _MODEL_TRAINING, _MODEL_FUNCTIONS = 7, 20, 25
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_INPUT, _GRAPH_SPARSE = 1, 5, 11, 15
_NODE_INPUT, _NODE_OUTPUT, _NODE_TYPE, _NODE_ATTRIBUTE, _NODE_DOMAIN = 1, 2, 4, 5, 7
_VALUE_NAME = 1
_ATTRIBUTE_TENSOR, _ATTRIBUTE_GRAPH, _ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS, _ATTRIBUTE_SPARSE = 5, 6, 10, 11, 22
_TENSOR_EXTERNAL, _TENSOR_LOCATION = 13, 14


def inspect_graph(data: bytes, name: str) -> None:
    """Refuse a graph that is damaged, opens other files, or has an operator that is not in `ALLOWED`.

    One whose sizes depend on what is in the pictures is refused too: a try would not tell what the next picture costs.

    Args:
        data: of the ONNX file.
        name: of the bundle or file, for the message.

    Raises:
        ModelError: the reason, in a line.
    """
    try:
        count = sum(_look(memoryview(data), name))
    except (ValueError, IndexError, UnicodeDecodeError) as error:
        raise ModelError(f"the graph of {name} is not an ONNX file ({error}). Copy or train it again.") from error
    if not count:
        raise ModelError(f"the graph of {name} is not an ONNX file (it has no operators). Copy or train it again.")


def _look(model: memoryview, name: str) -> Iterator[int]:
    for number, value in _fields(model):
        if number == _MODEL_GRAPH:
            yield from _look_at_graph(_message(value), name)
        elif number in (_MODEL_TRAINING, _MODEL_FUNCTIONS):
            raise ModelError(f"the graph of {name} defines functions of its own, which is not taken.")


def _look_at_graph(graph: memoryview, name: str) -> Iterator[int]:
    # inputs stand behind the operators
    pictured = {_name_of(_message(value)) for number, value in _fields(graph) if number == _GRAPH_INPUT}
    nodes = 0
    for number, value in _fields(graph):
        if number == _GRAPH_NODE:
            nodes += 1
            if nodes > MAX_NODES:
                raise ModelError(f"the graph of {name} has more than {MAX_NODES:,} operators.")
            _look_at_node(_message(value), name, pictured)
            yield 1
        elif number == _GRAPH_INITIALIZER:
            _look_at_tensor(_message(value), name)
        elif number == _GRAPH_SPARSE:
            raise ModelError(f"the graph of {name} has sparse weights, which is not taken.")


def _name_of(value: memoryview) -> str:
    return next((bytes(_message(held)).decode() for number, held in _fields(value) if number == _VALUE_NAME), "")


def _look_at_node(node: memoryview, name: str, pictured: set[str]) -> None:
    """Look at one operator; what it computes from pictures is added to `pictured`: operators stand in their order."""
    kind, domain = "", ""
    inputs: list[str] = []
    outputs: list[str] = []
    for number, value in _fields(node):
        if number == _NODE_INPUT:
            inputs.append(bytes(_message(value)).decode())
        elif number == _NODE_OUTPUT:
            outputs.append(bytes(_message(value)).decode())
        elif number == _NODE_TYPE:
            kind = bytes(_message(value)).decode()
        elif number == _NODE_DOMAIN:
            domain = bytes(_message(value)).decode()
        elif number == _NODE_ATTRIBUTE:
            for inner, held in _fields(_message(value)):
                if inner in (_ATTRIBUTE_GRAPH, _ATTRIBUTE_GRAPHS, _ATTRIBUTE_SPARSE):
                    raise ModelError(f"the graph of {name} has a loop or a branch, which is not taken.")
                if inner in (_ATTRIBUTE_TENSOR, _ATTRIBUTE_TENSORS):
                    _look_at_tensor(_message(held), name)
    if kind not in ALLOWED or domain not in _DOMAINS:
        raise ModelError(f"the graph of {name} has the operator '{domain}:{kind}', which is not among those allowed.")
    if kind in SIZING and pictured & {value for value in inputs[SIZING[kind] :] if value}:
        raise ModelError(
            f"the graph of {name} has an operator '{kind}' whose size depends on what is in a picture, which is not "
            "taken."
        )
    if kind not in ("Shape", "Size") and pictured & {*inputs}:
        pictured.update(outputs)


def _look_at_tensor(tensor: memoryview, name: str) -> None:
    for number, value in _fields(tensor):
        if number == _TENSOR_EXTERNAL or (number == _TENSOR_LOCATION and value):
            raise ModelError(f"the graph of {name} keeps weights in another file, which is never opened.")


def _message(value: memoryview | int) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number where a message should be")
    return value


def _fields(data: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """(number, value) of each field of a message: bytes, or a number."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        if kind == 2:
            length, at = _varint(data, at)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise ValueError(f"an unknown kind of field at byte {at}")
        if length > len(data) - at:
            raise ValueError(f"cut short at byte {at}")
        yield number, data[at : at + length]
        at += length


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError(f"a number without end at byte {at}")
