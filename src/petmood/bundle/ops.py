"""Helpers by which ONNX graphs are put together: constants, operators, normalisation, calibrated softmax."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from petmood.errors import ModelError
from petmood.features import Preprocess

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, ValueInfoProto

PIXELS: Final = "pixels"
PROBABILITIES: Final = "probabilities"
SCORES: Final = "scores"
FEATURES: Final = "features"
CAM: Final = "cam"
IMAGENET: Final = "imagenet"

OPSET: Final = 17
OWN: Final = "petmood."
"""Prefix of all values and operators that petmood adds to a network."""

_IR: Final = 8


def width_of(value: ValueInfoProto) -> int:
    """Columns of a (n, columns) value; 0 where the graph leaves them open."""
    dims = value.type.tensor_type.shape.dim
    return int(dims[1].dim_value) if len(dims) > 1 else 0


def renamed_input(model: ModelProto) -> ModelProto:
    """The model, changed in place: what it reads is petmood's normalised pixels, no longer an input."""
    graph = model.graph
    rename_value(graph, graph.input[0].name, OWN + "normalised")
    del graph.input[:]
    return model


def rename_value(graph: GraphProto, old: str, new: str) -> None:
    """Give a value of a graph another name."""
    if old == new:
        return
    for node in graph.node:
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                if name == old:
                    names[i] = new


def constant(graph: GraphProto, name: str, value: NDArray[Any]) -> None:
    """Add a constant named `petmood.<name>`."""
    from onnx import numpy_helper

    graph.initializer.append(numpy_helper.from_array(np.asarray(value, order="C"), OWN + name))


def _node(kind: str, inputs: list[str], outputs: list[str], **attributes: Any) -> NodeProto:
    from onnx import helper

    return helper.make_node(kind, inputs, outputs, name=OWN + outputs[0].removeprefix(OWN), **attributes)


def add(graph: GraphProto, kind: str, inputs: list[str], outputs: list[str], **attributes: Any) -> None:
    """Add an operator behind all others."""
    graph.node.append(_node(kind, inputs, outputs, **attributes))


def normalise(graph: GraphProto, preprocess: Preprocess) -> None:
    """Put (n, size, size, 3) uint8 -> (n, 3, size, size) float32 before everything else, as Preprocess.apply does."""
    from onnx import TensorProto

    shape = (1, 3, 1, 1)
    constant(graph, "mean", np.array(preprocess.mean, dtype=np.float32).reshape(shape))
    constant(graph, "std", np.array(preprocess.std, dtype=np.float32).reshape(shape))
    before = [
        _node("Transpose", [PIXELS], [OWN + "planes"], perm=[0, 3, 1, 2]),
        _node("Cast", [OWN + "planes"], [OWN + "float"], to=TensorProto.FLOAT),
        _node("Sub", [OWN + "float", OWN + "mean"], [OWN + "centred"]),
        _node("Div", [OWN + "centred", OWN + "std"], [OWN + "normalised"]),
    ]
    nodes = [*before, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def calibrated_softmax(graph: GraphProto, k: int, temperature: float) -> tuple[str, list[str | int]]:
    """Add softmax(scores / temperature); returns the output and its shape.

    Raises:
        ModelError: the temperature is not above 0.
    """
    if not temperature > 0:
        raise ModelError(f"the temperature must be above 0, got {temperature}. Use 1 for no calibration.")
    constant(graph, "temperature", np.array([temperature], dtype=np.float32))
    add(graph, "Div", [SCORES, OWN + "temperature"], [OWN + "calibrated"])
    add(graph, "Softmax", [OWN + "calibrated"], [PROBABILITIES], axis=1)
    return PROBABILITIES, ["n", k]


def finish(model: ModelProto, size: int, outputs: list[tuple[str, list[str | int]]]) -> bytes:
    """The checked graph's bytes, with `pixels` (n, size, size, 3) uint8 as input and these float32 outputs."""
    import onnx
    from onnx import TensorProto, helper

    graph = model.graph
    del graph.input[:]
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


class Operators:
    """Puts operators one behind the other, naming what each gives; numbers are float32 unless cast."""

    def __init__(self) -> None:
        from onnx import GraphProto

        self.graph = GraphProto()
        self._count = 0

    def fixed(self, value: NDArray[Any]) -> str:
        """A constant: integers as int64, float64 (for what needs it) as it is, all else as float32."""
        kept = np.asarray(value)
        if kept.dtype.kind in "iu":
            kept = kept.astype(np.int64)
        name = self._fresh()
        constant(self.graph, name, kept)
        return OWN + name

    def number(self, value: float) -> str:
        """A float32 constant of shape (1,)."""
        return self.fixed(np.array([value], dtype=np.float32))

    def singles(self, value: NDArray[Any]) -> str:
        """A float32 constant."""
        return self.fixed(np.asarray(value, dtype=np.float32))

    def apply(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """An operator of one output; returns its name."""
        name = OWN + self._fresh()
        add(self.graph, kind, list(inputs), [name], **attributes)
        return name

    def two(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """An operator of two outputs; returns the name of the first."""
        names = [OWN + self._fresh(), OWN + self._fresh()]
        add(self.graph, kind, list(inputs), names, **attributes)
        return names[0]

    def cast(self, value: str, to: str) -> str:
        """Another type of number: "FLOAT", "FLOAT16" or "DOUBLE"."""
        from onnx import TensorProto

        return self.apply("Cast", value, to=getattr(TensorProto, to))

    def call(self, name: str, value: str) -> None:
        """Give a value a name of its own, for an output."""
        add(self.graph, "Identity", [value], [name])

    def _fresh(self) -> str:
        self._count += 1
        return f"v{self._count}"
