"""Weights by their names in torch -> an ONNX graph, convolution by convolution, batch normalisation folded in."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

_OPSET: Final = 17
_IR: Final = 8
_EPSILON: Final = 1e-3
"""Of the batch normalisation, as EfficientNet was trained."""


class NetworkGraph:
    """The operators and constants of a graph that is being put together from the weights of a network."""

    def __init__(self, tensors: dict[str, NDArray[Any]]) -> None:
        self.tensors = tensors
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []
        self.constant("six", np.array(6, dtype=np.float32))
        self.constant("zero", np.array(0, dtype=np.float32))

    def channels(self, convolution: str) -> int:
        """How many channels a convolution gives."""
        return int(self.tensors[f"{convolution}.weight"].shape[0])

    def inputs(self, block: str) -> int:
        """How many channels a block reads."""
        expand = self.tensors.get(f"{block}_expand_conv.weight")
        return int(expand.shape[1]) if expand is not None else self.channels(f"{block}_depthwise_conv")

    def constant(self, name: str, value: NDArray[Any]) -> None:
        """Add a constant."""
        from onnx import numpy_helper

        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))

    def add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Add an operator behind all others; returns its output."""
        from onnx import helper

        self._nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def convolve(
        self, convolution: str, norm: str, x: str, output: str, *, side: int, stride: int = 1, clip: bool = True
    ) -> str:
        """Add a convolution with the batch normalisation behind it as one operator, and ReLU6; returns its output.

        Args:
            convolution: name of its weights, which have no bias.
            norm: name of the normalisation.
            x: what it reads.
            output: name of what it gives.
            side: of its input in pixels, which tells the "same" padding.
            stride: of the convolution.
            clip: whether ReLU6 follows.
        """
        weight = self.tensors[f"{convolution}.weight"]
        # in float64, so that folding rounds once
        gain, shift, mean, variance = (
            self.tensors[f"{norm}.{part}"].astype(np.float64)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gain / np.sqrt(variance + _EPSILON)
        self.constant(f"{convolution}.weight", (weight * scale[:, None, None, None]).astype(np.float32))
        self.constant(f"{convolution}.bias", (shift - mean * scale).astype(np.float32))
        kernel = int(weight.shape[-1])
        missing = max(0, (math.ceil(side / stride) - 1) * stride + kernel - side)
        before, after = missing // 2, missing - missing // 2
        made = self.add(
            "Conv",
            [x, f"{convolution}.weight", f"{convolution}.bias"],
            f"{output}.linear" if clip else output,
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[before, before, after, after],
            group=int(weight.shape[0]) if weight.shape[1] == 1 else 1,
        )
        return self.add("Clip", [made, "zero", "six"], output) if clip else made

    def write(self, target: Path, name: str, outputs: dict[str, list[Any]]) -> None:
        """Write the graph with the input `pixels` and these float32 outputs."""
        from onnx import TensorProto, checker, helper

        def described(values: dict[str, list[Any]]) -> Iterator[Any]:
            for value, shape in values.items():
                yield helper.make_tensor_value_info(value, TensorProto.FLOAT, shape)

        graph = helper.make_graph(
            self._nodes,
            name,
            list(described({"pixels": ["n", 3, "h", "w"]})),
            list(described(outputs)),
            self._constants,
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR, producer_name="petmood"
        )
        checker.check_model(model)
        target.write_bytes(model.SerializeToString(deterministic=True))
