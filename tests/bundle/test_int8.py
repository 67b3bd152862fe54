"""Graphs in int8 answer nearly as in float32, with the types that are fast and cannot overflow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from needs import needs
from networks import SIDE, network
from petmood.bundle.int8 import quantised_graph
from petmood.errors import ModelError

onnx = needs("onnx")


def depthwise(path: Path) -> bytes:
    """A convolution, a depthwise one and a dense one, as EfficientNet's blocks are."""
    rng = np.random.default_rng(0)
    make, tensor = onnx.helper.make_node, onnx.numpy_helper.from_array
    value, real = onnx.helper.make_tensor_value_info, onnx.TensorProto.FLOAT
    weights = {"a": (8, 3, 3, 3), "b": (8, 1, 3, 3), "c": (16, 8, 1, 1)}
    graph = onnx.helper.make_graph(
        [
            make("Conv", ["x", "a"], ["y"], name="first", pads=[1, 1, 1, 1]),
            make("Relu", ["y"], ["z"], name="relu"),
            make("Conv", ["z", "b"], ["u"], name="depthwise", group=8, pads=[1, 1, 1, 1]),
            make("Conv", ["u", "c"], ["out"], name="dense"),
        ],
        "g",
        [value("x", real, ["n", 3, "h", "w"])],
        [value("out", real, ["n", 16, "h", "w"])],
        [tensor(rng.standard_normal(shape).astype(np.float32), name) for name, shape in weights.items()],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(path))
    return path.read_bytes()


def run(graph: bytes, inputs: np.ndarray) -> list[np.ndarray]:
    import onnxruntime as ort

    session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])
    found: list[np.ndarray] = session.run(None, {session.get_inputs()[0].name: inputs})
    return found


def fed(n: int) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((n, 3, SIDE, SIDE)).astype(np.float32)


def test_activations_are_unsigned_and_dense_weights_have_seven_bits(tmp_path: Path) -> None:
    graph = depthwise(tmp_path / "d.onnx")
    small = quantised_graph(graph, fed(40))
    tensors = [onnx.numpy_helper.to_array(t) for t in onnx.load_from_string(small).graph.initializer]
    widest = {t.shape: int(np.abs(t.astype(int)).max()) for t in tensors if t.dtype == np.int8 and t.ndim == 4}
    assert set(widest) == {(8, 3, 3, 3), (8, 1, 3, 3), (16, 8, 1, 1)}
    # 255 * 64 twice fits 16 bits, in which processors without VNNI add; depthwise kernels add in 32
    assert {widest[8, 3, 3, 3], widest[16, 8, 1, 1]} == {64}
    assert widest[8, 1, 3, 3] > 120
    assert {t.dtype for t in tensors if t.dtype.itemsize == 1 and t.ndim == 0} >= {np.dtype(np.uint8)}
    (before,), (after,) = run(graph, fed(4)), run(small, fed(4))
    assert 0 < np.abs(before - after).max() < 0.05 * np.abs(before).max()


@pytest.mark.parametrize("opset", [11, 17])
def test_inputs_and_outputs_stay_and_equal_arguments_give_equal_bytes(tmp_path: Path, opset: int) -> None:
    graph = network(tmp_path / "n.onnx", 3, opset, imagenet=False, mean=120.0).graph.read_bytes()
    small = quantised_graph(graph, fed(8))
    assert quantised_graph(graph, fed(8)) == small
    before, after = onnx.load_from_string(graph).graph, onnx.load_from_string(small).graph
    assert [v.name for v in after.input] == [v.name for v in before.input]
    assert [v.name for v in after.output] == [v.name for v in before.output]
    for a, b in zip(run(graph, fed(4)), run(small, fed(4)), strict=True):
        assert a.shape == b.shape
        assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.99


def test_what_cannot_be_quantised_is_said(tmp_path: Path) -> None:
    graph = depthwise(tmp_path / "d.onnx")
    small = quantised_graph(graph, fed(4))
    with pytest.raises(ModelError, match="quantised already: it has DequantizeLinear, QuantizeLinear"):
        quantised_graph(small, fed(4))
    with pytest.raises(ModelError, match="cannot be quantised"):
        quantised_graph(graph, fed(4)[:, :2])
