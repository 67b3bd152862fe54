"""A float32 ONNX graph and what it is fed -> the same graph with int8 weights and activations."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from petmood.bundle.ops import CAM, IMAGENET, OPSET, OWN, PROBABILITIES, SCORES
from petmood.errors import ModelError

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto

_OPERATORS: Final = ("Conv", "Gemm", "MatMul", "Add", "Clip", "Relu", "MaxPool")
_PER_CHANNEL_OPSET: Final = 13  # from which on a scale a channel can be written down
_INTEGER: Final = ("QuantizeLinear", "DequantizeLinear", "Integer", "QLinear", "QAttention", "QGemm")
_BATCH: Final = 32


def quantised_graph(graph: bytes, inputs: NDArray[np.uint8] | NDArray[np.float32]) -> bytes:
    """An ONNX graph with int8 weights and activations, but for what petmood added to it; the same for equal arguments.

    Inputs and outputs keep their names, types and shapes.

    Args:
        graph: a float32 graph with one input.
        inputs: (n, ...) what it is fed; ranges of activations are taken from them.

    Raises:
        ModelError: the graph is quantised already, or has operators that cannot be.
    """
    import onnx
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    refuse_quantised(graph)
    model = onnx.load_from_string(graph)
    constants = {tensor.name for tensor in model.graph.initializer}
    (name,) = (value.name for value in model.graph.input if value.name not in constants)

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
        """Hands the calibration photos to ONNX Runtime, some at a time."""

        def __init__(self) -> None:
            self.batches: Iterator[dict[str, Any]] = (
                {name: inputs[i : i + _BATCH]} for i in range(0, len(inputs), _BATCH)
            )

        def get_next(self) -> dict[str, Any] | None:
            """The next input, or None."""
            return next(self.batches, None)

    with tempfile.TemporaryDirectory() as folder:
        plain, ready, small = (Path(folder) / name for name in ("plain.onnx", "ready.onnx", "small.onnx"))
        try:
            onnx.save(_at_least_opset(model), plain)
            quant_pre_process(str(plain), str(ready), skip_symbolic_shape=True)
            prepared = onnx.load(str(ready)).graph
            quantization.quantize_static(
                str(ready),
                str(small),
                Reader(),
                # Of the four pairs of types, ONNX Runtime has fast kernels on x86 for unsigned activations with signed
                # weights alone. Without VNNI these add pairs of products in 16 bits, which 8-bit weights can overflow
                # unnoticed; with weights of 7 bits they cannot, so that a file answers alike wherever it is taken.
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8,
                reduce_range=True,
                per_channel=True,
                op_types_to_quantize=list(_OPERATORS),
                nodes_to_exclude=[node.name for node in prepared.node if _is_ours(node.name)],
                # Depthwise kernels add in 32 bits: their weights, a handful a channel, keep all 8.
                extra_options={
                    "TensorQuantOverrides": {
                        weights: [{"axis": 0, "reduce_range": False}] for weights in _depthwise_weights(prepared)
                    }
                },
            )
        except Exception as error:  # onnx, ONNX Runtime and its quantiser raise types of their own, undocumented
            raise ModelError(f"the graph cannot be quantised: {error}. Use it in float32.") from error
        return small.read_bytes()


def refuse_quantised(graph: bytes) -> None:
    """Pass an ONNX graph without integer arithmetic; onnx must be installed.

    Raises:
        ModelError: it is quantised already.
    """
    import onnx

    nodes = onnx.load_from_string(graph).graph.node
    found = sorted({n.op_type for n in nodes if any(kind in n.op_type for kind in _INTEGER)})
    if found:
        raise ModelError(f"the graph is quantised already: it has {', '.join(found)}. Give the float32 one.")


def _is_ours(node: str) -> bool:
    return node.startswith(OWN) or node in (CAM, SCORES, IMAGENET, PROBABILITIES)


def _at_least_opset(model: ModelProto) -> ModelProto:
    from onnx import version_converter

    opset = next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
    return model if opset >= _PER_CHANNEL_OPSET else version_converter.convert_version(model, OPSET)


def _depthwise_weights(graph: GraphProto) -> list[str]:
    """Names of the constants by which convolutions with a filter a channel multiply."""
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    found = []
    for node in graph.node:
        groups = next((a.i for a in node.attribute if a.name == "group"), 1)
        if node.op_type == "Conv" and groups > 1 and shapes.get(node.input[1], (0,))[:2] == (groups, 1):
            found.append(node.input[1])
    return sorted(set(found))
