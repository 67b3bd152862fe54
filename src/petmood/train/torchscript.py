"""The ONNX graph of a bundle -> a TorchScript program with the same input and outputs, checked against ONNX Runtime."""

from __future__ import annotations

import io
import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from petmood.bundle.ops import PIXELS
from petmood.errors import ModelError
from petmood.store import write_bytes

if TYPE_CHECKING:
    from onnx import ModelProto

_TOLERANCE: Final = 1e-4

Attributes = Mapping[str, Any]
Step = tuple[str, list[str], list[str], Attributes]


class _Graph(nn.Module):
    """Runs the steps of an ONNX graph one after the other; constants are buffers."""

    def __init__(self, steps: list[Step], constants: Mapping[str, np.ndarray], outputs: list[str]) -> None:
        super().__init__()
        self.steps, self.outputs = steps, outputs
        self.places = {name: f"constant_{i}" for i, name in enumerate(constants)}
        for name, place in self.places.items():
            self.register_buffer(place, torch.from_numpy(np.array(constants[name])))

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        values: dict[str, Tensor] = {PIXELS: pixels}
        values |= {name: getattr(self, place) for name, place in self.places.items()}
        for kind, inputs, outputs, attributes in self.steps:
            values[outputs[0]] = _STEPS[kind]([values[name] for name in inputs if name], attributes)
        return tuple(values[name] for name in self.outputs)


def torchscript(graph: bytes, size: int, target: Path) -> tuple[str, ...]:
    """Write the program; returns the names of its outputs, in order. It reads (n, size, size, 3) uint8 RGB.

    Raises:
        ModelError: the graph has a step that cannot be translated, or the program disagrees with ONNX Runtime.
    """
    import onnxruntime as ort
    from onnx import helper, numpy_helper

    folded = _folded(graph)
    constants = {t.name: numpy_helper.to_array(t) for t in folded.graph.initializer}
    steps: list[Step] = []
    for node in folded.graph.node:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type == "Constant":
            constants[node.output[0]] = numpy_helper.to_array(attributes["value"])
            continue
        if node.op_type not in _STEPS:
            raise ModelError(f"the graph has a step '{node.op_type}', which cannot be translated. Export to onnx-int8.")
        steps.append((node.op_type, list(node.input), list(node.output), attributes))
    names = tuple(output.name for output in folded.graph.output)
    module = _Graph(steps, constants, list(names)).eval()
    example = np.random.default_rng(0).integers(0, 256, (2, size, size, 3), dtype=np.uint8)
    with torch.inference_mode(), warnings.catch_warnings():
        # tracing warns of shapes that become constants (the check below is on another number of pictures) and, as
        # saving, that TorchScript is deprecated in favour of torch.export; it is what was asked for
        warnings.simplefilter("ignore")
        program = torch.jit.trace(module, torch.from_numpy(example), check_trace=False)  # type: ignore[no-untyped-call]
        more = np.concatenate([example, example[:1]])
        found = program(torch.from_numpy(more))
        data = io.BytesIO()
        torch.jit.save(program, data)
    expected = ort.InferenceSession(graph, providers=["CPUExecutionProvider"]).run(list(names), {PIXELS: more})
    for name, ours, theirs in zip(names, found, expected, strict=True):
        worst = float(np.abs(ours.numpy() - theirs).max() / max(1.0, float(np.abs(theirs).max())))
        if not worst < _TOLERANCE:
            raise ModelError(f"the TorchScript program's '{name}' differs by {worst:.2g} from ONNX Runtime's.")
    write_bytes(target, data.getvalue())
    return names


def _folded(graph: bytes) -> ModelProto:
    """The graph with its constant parts computed, by ONNX Runtime."""
    import onnx
    import onnxruntime as ort

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "folded.onnx"
        options = ort.SessionOptions()
        options.log_severity_level = 3
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(path)
        ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        return onnx.load(str(path))


def _conv(values: list[Tensor], attributes: Attributes) -> Tensor:
    x, weight, *bias = values
    top, left, bottom, right = attributes.get("pads", [0, 0, 0, 0])
    return functional.conv2d(
        functional.pad(x, [left, right, top, bottom]),
        weight,
        bias[0] if bias else None,
        stride=tuple(attributes.get("strides", [1, 1])),
        dilation=tuple(attributes.get("dilations", [1, 1])),
        groups=attributes.get("group", 1),
    )


def _pad(values: list[Tensor], attributes: Attributes) -> Tensor:
    x, pads = values[0], values[1].tolist()
    half = len(pads) // 2
    flat = [amount for axis in reversed(range(half)) for amount in (pads[axis], pads[half + axis])]
    return functional.pad(x, [int(v) for v in flat])


def _gemm(values: list[Tensor], attributes: Attributes) -> Tensor:
    a, b, *c = values
    a = a.t() if attributes.get("transA") else a
    b = b.t() if attributes.get("transB") else b
    product: Tensor = attributes.get("alpha", 1.0) * (a @ b)
    return product + attributes.get("beta", 1.0) * c[0] if c else product


def _max_pool(values: list[Tensor], attributes: Attributes) -> Tensor:
    return functional.max_pool2d(values[0], tuple(attributes["kernel_shape"]), tuple(attributes["strides"]))


def _batch_norm(values: list[Tensor], attributes: Attributes) -> Tensor:
    x, weight, bias, mean, variance = values
    return functional.batch_norm(x, mean, variance, weight, bias, eps=attributes.get("epsilon", 1e-5))


def _prelu(values: list[Tensor], attributes: Attributes) -> Tensor:
    x, slope = values
    return torch.where(x < 0, slope * x, x)


def _mean(values: list[Tensor], attributes: Attributes) -> Tensor:
    axes = attributes["axes"] if "axes" in attributes else values[1].tolist()
    return values[0].mean(dim=tuple(axes), keepdim=bool(attributes.get("keepdims", 1)))


def _reshape(values: list[Tensor], attributes: Attributes) -> Tensor:
    x, shape = values
    return x.reshape([x.shape[i] if size == 0 else size for i, size in enumerate(shape.tolist())])


_STEPS: Final[dict[str, Callable[[list[Tensor], Attributes], Tensor]]] = {
    "Add": lambda v, a: v[0] + v[1],
    "BatchNormalization": _batch_norm,
    "Cast": lambda v, a: v[0].float(),
    "Clip": lambda v, a: torch.clamp(v[0], v[1], v[2]),
    "Conv": _conv,
    "Div": lambda v, a: v[0] / v[1],
    "Flatten": lambda v, a: v[0].flatten(a.get("axis", 1)),
    "Gemm": _gemm,
    "GlobalAveragePool": lambda v, a: v[0].mean(dim=(2, 3), keepdim=True),
    "MatMul": lambda v, a: v[0] @ v[1],
    "MaxPool": _max_pool,
    "Mul": lambda v, a: v[0] * v[1],
    "PRelu": _prelu,
    "Pad": _pad,
    "ReduceMean": _mean,
    "Relu": lambda v, a: v[0].relu(),
    "Reshape": _reshape,
    "Sigmoid": lambda v, a: v[0].sigmoid(),
    "Softmax": lambda v, a: v[0].softmax(dim=a.get("axis", -1)),
    "Sub": lambda v, a: v[0] - v[1],
    "Transpose": lambda v, a: v[0].permute(*a["perm"]),
}
