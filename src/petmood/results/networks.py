"""A network as a table: its layers with their shapes and parameters."""

from __future__ import annotations

from petmood.results.base import Fact


class LayerRow(Fact):
    """One layer. `output_shape` is for one image, channels last; `params` counts moving statistics too."""

    name: str
    kind: str
    output_shape: tuple[int, ...]
    params: int
    trainable_params: int


class NetworkFacts(Fact):
    """A network for `input_shape` images and `n_classes` classes; its totals are the sums over `layers`."""

    name: str
    title: str
    input_shape: tuple[int, int, int]
    n_classes: int
    layers: tuple[LayerRow, ...]
    params: int
    trainable_params: int
    non_trainable_params: int
