"""Small random networks with a map, pooled features and scores: backbones that cost nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from petmood.features import Backbone, load_backbone

SIDE = 32


def network(path: Path, seed: int, opset: int, *, imagenet: bool, mean: float, inner: bool = False) -> Backbone:
    """Write an ONNX file and its JSON, and load them; with `inner`, the map is no output of the file."""
    onnx = pytest.importorskip("onnx")
    rng = np.random.default_rng(seed)
    outputs = 1000 if imagenet else 7
    make, tensor = onnx.helper.make_node, onnx.numpy_helper.from_array
    value, real = onnx.helper.make_tensor_value_info, onnx.TensorProto.FLOAT
    nodes = [
        make("Conv", ["x", "w"], ["c"], name="conv", strides=[4, 4], kernel_shape=[4, 4]),
        make("Relu", ["c"], ["map"], name="relu"),
        make("GlobalAveragePool", ["map"], ["pool"], name="pool"),
        make("Flatten", ["pool"], ["features"], name="flat"),
        make("MatMul", ["features", "h"], ["logits"], name="head"),
    ]
    weights = {"w": rng.standard_normal((100, 3, 4, 4)) * 0.3, "h": rng.standard_normal((100, outputs)) * 3}
    shapes = {"map": ["n", 100, "a", "b"], "features": ["n", 100], "logits": ["n", outputs]}
    if inner:
        del shapes["map"]
    graph = onnx.helper.make_graph(
        nodes,
        "g",
        [value("x", real, ["n", 3, "h0", "w0"])],
        [value(name, real, shape) for name, shape in shapes.items()],
        [tensor(array.astype(np.float32), name) for name, array in weights.items()],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)], ir_version=8)
    onnx.save(model, str(path))
    stated = {"size": SIDE, "mean": [mean] * 3, "std": [60.0] * 3, "logits": "logits", "map": None if inner else "map"}
    path.with_suffix(".json").write_text(json.dumps(stated), encoding="utf-8")
    return load_backbone(f"onnx:{path}")
