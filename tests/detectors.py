"""Small detectors that really look: red squares are dogs, green ones cats, blue ones cars; and scenes of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

SIDE = 96
CELLS = 6
LABELS = ("dog", "cat", "car")
COLOURS = {"dog": (255, 0, 0), "cat": (0, 255, 0), "car": (0, 0, 255)}
Place = tuple[int, int]
"""Column and row of a cell."""


def scene(
    path: Path, size: tuple[int, int], animals: dict[Place, str], cells: tuple[int, int] = (CELLS, CELLS)
) -> Path:
    """A grey picture with squares of colour in some cells of a grid over it, saved without loss."""
    pixels = np.full((size[1], size[0], 3), 128, dtype=np.uint8)
    wide, high = size[0] // cells[0], size[1] // cells[1]
    for (column, row), label in animals.items():
        pixels[row * high : (row + 1) * high, column * wide : (column + 1) * wide] = COLOURS[label]
    Image.fromarray(pixels).save(path)
    return path


def save_detector(
    path: Path, kind: str = "yolo", *, across: bool = True, other: bool = True, said: dict[str, Any] | None = None
) -> Path:
    """Write a detector of the cells of a grid over its input, whose boxes are those cells.

    Args:
        path: of the graph.
        kind: "yolo", "yolo-objectness", "end-to-end" or "detr".
        across: YOLO's attributes stand along the first axis.
        other: DETR has a column for no object.
        said: the JSON beside it; labels alone by default.
    """
    step = SIDE // CELLS
    # pixels in 0..1: a class is its own channel less the others
    weights = (np.eye(3) - (1 - np.eye(3))).reshape(3, 3, 1, 1).astype(np.float32)
    row, column = np.divmod(np.arange(CELLS**2), CELLS)
    centres = np.stack([(column + 0.5) * step, (row + 0.5) * step, np.full(CELLS**2, step), np.full(CELLS**2, step)])
    unit = "detr" in kind
    table = (centres / (SIDE if unit else 1)).astype(np.float32)
    constants = {"weights": weights, "flat": np.array([1, 3, CELLS**2]), "places": table[None]}
    nodes = [
        helper.make_node("AveragePool", ["pixels"], ["cells"], kernel_shape=[step] * 2, strides=[step] * 2),
        helper.make_node("Conv", ["cells", "weights"], ["plain"]),
        helper.make_node("Reshape", ["plain", "flat"], ["rows"]),
        helper.make_node("Clip", ["rows", "zero", "one"], ["scores"]),
    ]
    constants |= {"zero": np.float32(0), "one": np.float32(1)}
    outputs = ["output0"]
    if kind == "detr":
        constants |= {"scale": np.float32(20), "shift": np.float32(10), "none": np.zeros((1, 1, CELLS**2), np.float32)}
        nodes += [
            helper.make_node("Mul", ["scores", "scale"], ["scaled"]),
            helper.make_node("Sub", ["scaled", "shift"], ["raised"]),
            *([helper.make_node("Concat", ["raised", "none"], ["all"], axis=1)] if other else []),
            helper.make_node("Transpose", ["all" if other else "raised"], ["logits"], perm=[0, 2, 1]),
            helper.make_node("Transpose", ["places"], ["pred_boxes"], perm=[0, 2, 1]),
        ]
        outputs = ["pred_boxes", "logits"]
    elif kind == "end-to-end":
        half = step / 2
        corners = np.stack([centres[0] - half, centres[1] - half, centres[0] + half, centres[1] + half])[None]
        constants |= {"places": corners.astype(np.float32), "axes": np.array([1])}
        nodes += [
            helper.make_node("ReduceMax", ["scores"], ["best"], axes=[1], keepdims=1),
            helper.make_node("ArgMax", ["scores"], ["which"], axis=1, keepdims=1),
            helper.make_node("Cast", ["which"], ["class"], to=TensorProto.FLOAT),
            helper.make_node("Concat", ["places", "best", "class"], ["table"], axis=1),
            helper.make_node("Transpose", ["table"], ["output0"], perm=[0, 2, 1]),
        ]
    else:
        constants |= {"any": np.ones((1, 1, CELLS**2), np.float32)}
        parts = ["places", *(["any"] if kind == "yolo-objectness" else []), "scores"]
        nodes.append(helper.make_node("Concat", parts, ["output0" if across else "table"], axis=1))
        if not across:
            nodes.append(helper.make_node("Transpose", ["table"], ["output0"], perm=[0, 2, 1]))
    if kind == "detr" and said is None:
        said = {"labels": LABELS, "mean": [0, 0, 0], "std": [255, 255, 255]}
    write_graph(path, nodes, constants, outputs)
    path.with_suffix(".json").write_text(json.dumps({"labels": LABELS} if said is None else said))
    return path


def save_constant(path: Path, outputs: dict[str, np.ndarray], said: dict[str, Any] | None = None) -> Path:
    """Write a graph that gives the same outputs whatever it is shown."""
    nodes = [
        helper.make_node("ReduceSum", ["pixels"], ["sum"], keepdims=0),
        helper.make_node("Mul", ["sum", "zero"], ["nil"]),
    ]
    nodes += [helper.make_node("Add", [f"{name}-value", "nil"], [name]) for name in outputs]
    constants: dict[str, Any] = {"zero": np.float32(0)}
    constants |= {f"{name}-value": value.astype(np.float32) for name, value in outputs.items()}
    write_graph(path, nodes, constants, list(outputs))
    if said is not None:
        path.with_suffix(".json").write_text(json.dumps(said))
    return path


def write_graph(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    constants: dict[str, Any],
    outputs: Sequence[str],
    shape: Sequence[int | str] = (1, 3, SIDE, SIDE),
    names: str = "",
) -> Path:
    """Write a graph with one input, `pixels`; `names` is what ultralytics writes into its exports."""
    graph = helper.make_graph(
        nodes,
        "detector",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    if names:
        helper.set_model_props(model, {"names": names})
    onnx.save(model, path)
    return path
