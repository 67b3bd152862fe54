"""Backbone or network and head -> one ONNX graph, from uint8 pixels to calibrated probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from petmood.bundle.ops import (
    CAM,
    FEATURES,
    IMAGENET,
    OWN,
    SCORES,
    add,
    calibrated_softmax,
    constant,
    finish,
    normalise,
    rename_value,
    renamed_input,
    width_of,
)
from petmood.errors import ModelError
from petmood.features import Backbone, Preprocess
from petmood.features.species import N_IMAGENET


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
        ModelError: the head does not fit the backbone.
    """
    import onnx

    model = renamed_input(onnx.load(str(backbone.graph)))
    graph = model.graph
    dim, k = head.weights.shape
    values = {o.name: o for o in graph.output}
    found = width_of(values[backbone.features])
    if found not in (0, dim):
        raise ModelError(
            f"the head reads {dim} features, but {backbone.name} gives {found}. Train it on {backbone.name}."
        )
    del graph.output[:]
    rename_value(graph, backbone.features, FEATURES)
    own_head = backbone.logits is not None and width_of(values[backbone.logits]) == N_IMAGENET
    if backbone.logits and own_head:
        rename_value(graph, backbone.logits, IMAGENET)
    normalise(graph, backbone.preprocess)
    weights = head.weights.astype(np.float32)
    bias = head.bias.astype(np.float32)
    constant(graph, "weights", weights)
    constant(graph, "bias", bias)
    add(graph, "Gemm", [FEATURES, OWN + "weights", OWN + "bias"], [SCORES])
    outputs = [calibrated_softmax(graph, k, temperature), (SCORES, ["n", k]), (FEATURES, ["n", dim])]
    if backbone.map:
        constant(graph, "weights_by_place", np.ascontiguousarray(weights.T)[:, :, None, None])
        add(graph, "Conv", [backbone.map, OWN + "weights_by_place", OWN + "bias"], [CAM])
        outputs.append((CAM, ["n", k, "map_h", "map_w"]))
    if own_head:
        outputs.append((IMAGENET, ["n", N_IMAGENET]))
    return finish(model, backbone.preprocess.size, outputs)


def network_graph(network: bytes, preprocess: Preprocess, n_classes: int, temperature: float = 1.0) -> bytes:
    """The graph of a trained network: normalisation before it, calibrated softmax after it.

    Args:
        network: an ONNX graph with the input `pixels` (n, 3, h, w) float32, normalised, and the outputs `features`
            (n, dim) and `scores` (n, n_classes), optionally `cam` (n, n_classes, h', w') and `imagenet` (n, 1000).
        preprocess: what the network expects of its input.
        n_classes: number of classes.
        temperature: divides the scores before the softmax.
    """
    import onnx

    model = renamed_input(onnx.load_from_string(network))
    graph = model.graph
    kept = []
    for value in graph.output:
        dims = [d.dim_value or d.dim_param or f"d{i}" for i, d in enumerate(value.type.tensor_type.shape.dim)]
        kept.append((value.name, ["n", *dims[1:]]))
    del graph.output[:]
    normalise(graph, preprocess)
    outputs = [calibrated_softmax(graph, n_classes, temperature), *kept]
    return finish(model, preprocess.size, outputs)
