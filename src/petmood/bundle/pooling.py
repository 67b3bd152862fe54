"""A network's outputs inside a graph -> vectors, by the same poolings as `petmood.features.views`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from petmood.bundle.ops import Operators
from petmood.errors import ModelError
from petmood.features import Backbone
from petmood.features.views import PROJECTED, TOKEN, projection, thirds

Places = Callable[[], tuple[int, int, int]]
"""Gives (channels, height, width) of a network's local map."""


def pooled(ops: Operators, outputs: Mapping[str, str], places: Places, pooling: str, backbone: Backbone) -> str:
    """Name of the (n, width) value that a pooling makes of a network's outputs.

    Args:
        ops: where operators are added.
        outputs: the network's outputs -> their names in the graph.
        places: shape of its local map.
        pooling: one of `petmood.features.views.POOLINGS`.
        backbone: the network.

    Raises:
        ModelError: the network has no output that the pooling needs.
    """
    name = {"mean": backbone.features, "logits": backbone.logits}.get(pooling, backbone.map)
    if name is None:
        raise ModelError(f"the backbone {backbone.name} has no output for pooling '{pooling}'. Use pooling 'mean'.")
    value = outputs[name]
    if pooling in ("mean", "logits"):
        return value
    channels, height, width = places()
    if pooling == "parts":
        return _parts(ops, value, height, width)
    flat = ops.apply("Reshape", value, ops.fixed(np.array([-1, channels, height * width])))
    if pooling == "max":
        return ops.apply("ReduceMax", flat, axes=[2], keepdims=0)
    if pooling == "spread":
        return ops.apply("Sqrt", ops.apply("ReduceMean", _squared(ops, _centred(ops, flat)), axes=[2], keepdims=0))
    if pooling == "tokens":
        mixed = ops.apply("MatMul", ops.singles(projection(channels, TOKEN).T), flat)
        return ops.apply("Reshape", mixed, ops.fixed(np.array([-1, TOKEN * height * width])))
    return _second_order(ops, flat, channels, height * width)


def _parts(ops: Operators, value: str, height: int, width: int) -> str:
    axes = ops.fixed(np.array([2, 3]))
    parts = []
    for top, bottom in thirds(height):
        for left, right in thirds(width):
            span = [ops.fixed(np.array(at)) for at in ((top, left), (bottom, right))]
            parts.append(ops.apply("ReduceMean", ops.apply("Slice", value, *span, axes), axes=[2, 3], keepdims=0))
    return ops.apply("Concat", *parts, axis=1)


def _second_order(ops: Operators, flat: str, channels: int, places: int) -> str:
    # a covariance near nothing has a steep square root: single precision would show
    small = ops.apply("MatMul", ops.fixed(projection(channels, PROJECTED).T), ops.cast(flat, "DOUBLE"))
    centred = _centred(ops, small)
    product = ops.apply("MatMul", centred, ops.apply("Transpose", centred, perm=[0, 2, 1]))
    covariance = ops.apply("Div", product, ops.fixed(np.array([float(places)])))
    rows, columns = np.triu_indices(PROJECTED)
    square = ops.apply("Reshape", covariance, ops.fixed(np.array([-1, PROJECTED * PROJECTED])))
    upper = ops.apply("Gather", square, ops.fixed(rows * PROJECTED + columns), axis=1)
    rooted = ops.apply("Mul", ops.apply("Sign", upper), ops.apply("Sqrt", ops.apply("Abs", upper)))
    return ops.cast(rooted, "FLOAT")


def _centred(ops: Operators, value: str) -> str:
    return ops.apply("Sub", value, ops.apply("ReduceMean", value, axes=[2], keepdims=1))


def _squared(ops: Operators, value: str) -> str:
    return ops.apply("Mul", value, value)
