"""Views of a picture by frozen networks, and a head on them -> one ONNX graph, whatever the number of networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from petmood.bundle.ops import (
    FEATURES,
    IMAGENET,
    OPSET,
    PIXELS,
    SCORES,
    Operators,
    calibrated_softmax,
    finish,
    width_of,
)
from petmood.errors import ModelError
from petmood.features import Backbone
from petmood.features.species import N_IMAGENET
from petmood.features.views import View, is_half_precision, output_of

TINY: Final = 1e-12
"""Least probability of which a logarithm is taken, as in calibration."""


@dataclass(frozen=True)
class GraphRows:
    """What a head reads, inside a graph: blocks of columns, each made only when it is asked for.

    Attributes:
        ops: where operators are added.
        blocks: (makes the value (n, width) float32 and returns its name, width) for each.
    """

    ops: Operators
    blocks: tuple[tuple[Callable[[], str], int], ...]

    @property
    def width(self) -> int:
        """Number of columns."""
        return sum(width for _, width in self.blocks)

    def value(self) -> str:
        """Name of the (n, width) value with all columns."""
        names = [make() for make, _ in self.blocks]
        return names[0] if len(names) == 1 else self.ops.apply("Concat", *names, axis=1)

    def columns(self, wanted: NDArray[np.int64]) -> Self:
        """Some of the columns; blocks that none of them is of are not made."""
        edges = np.cumsum([0, *(width for _, width in self.blocks)])
        spans = [np.arange(a, b) for a, b in pairwise(edges)]
        chosen = [i for i, span in enumerate(spans) if np.isin(span, wanted).all()]
        if np.array_equal(np.concatenate([spans[i] for i in chosen] or [np.empty(0)]), wanted):
            return replace(self, blocks=tuple(self.blocks[i] for i in chosen))
        return self.of(lambda: self.ops.apply("Gather", self.value(), self.ops.fixed(wanted), axis=1), len(wanted))

    def of(self, make: Callable[[], str], width: int) -> Self:
        """Rows of one block made otherwise."""
        return replace(self, blocks=((make, width),))


Head = Callable[[GraphRows], str]
"""Adds a head's operators behind its rows; returns the name of its (n, n_classes) probabilities."""


def why_not_one_graph(views: Sequence[tuple[View, Backbone]]) -> str | None:
    """Why views cannot be made of one input, or None."""
    sides = sorted({backbone.preprocess.size for _, backbone in views})
    if len(sides) > 1:
        return f"it reads pictures at {' and '.join(map(str, sides))} pixels, and a bundle reads them at one size"
    return None


def composite_graph(
    views: Sequence[tuple[View, Backbone]], widths: Sequence[int], head: Head, n_classes: int, temperature: float = 1.0
) -> tuple[bytes, tuple[int, ...]]:
    """The graph of a head on views, and the numbers of the views that it reads.

    Input `pixels` (n, side, side, 3) uint8 RGB. Outputs, float32: `probabilities` (n, k), softmax(scores /
    temperature); `scores` (n, k), the logarithms of the head's probabilities; `features` (n, dim), the views that the
    head reads but for scores of networks' own heads, unless it reads nothing else; `imagenet` (n, 1000) where a network
    that is read has such a head.

    Args:
        views: what is read of a picture, with the network for each.
        widths: columns of each view.
        head: adds the head's operators, columns in the order of the bundle's classes.
        n_classes: number of classes.
        temperature: divides the scores before the softmax.

    Raises:
        ModelError: views need pictures of several sizes.
    """
    reason = why_not_one_graph(views)
    if reason is not None:
        raise ModelError(f"this model cannot be a bundle: {reason}.")
    import onnx

    ops, side = Operators(), views[0][1].preprocess.size
    networks = _Networks(ops, views, widths)
    rows = GraphRows(ops, tuple((_Once(networks, i), width) for i, width in enumerate(widths)))
    probabilities = head(rows)
    used = tuple(sorted(networks.views))
    ops.call(SCORES, ops.apply("Log", ops.apply("Max", probabilities, ops.number(TINY))))
    shown = [i for i in used if views[i][0].pooling != "logits"] or list(used)
    ops.call(FEATURES, replace(rows, blocks=tuple(rows.blocks[i] for i in shown)).value())
    outputs: list[tuple[str, list[str | int]]] = [
        calibrated_softmax(ops.graph, n_classes, temperature),
        (SCORES, ["n", n_classes]),
        (FEATURES, ["n", sum(widths[i] for i in shown)]),
    ]
    imagenet = networks.imagenet()
    if imagenet is not None:
        ops.call(IMAGENET, imagenet)
        outputs.append((IMAGENET, ["n", N_IMAGENET]))
    model = onnx.helper.make_model(
        onnx.helper.make_graph([], "petmood", [], []), opset_imports=[onnx.helper.make_opsetid("", OPSET)]
    )
    model.graph.CopyFrom(ops.graph)
    return finish(model, side, outputs), used


@dataclass(frozen=True)
class _Once:
    """Makes the value of a view the first time it is called."""

    networks: _Networks
    number: int

    def __call__(self) -> str:
        if self.number not in self.networks.views:
            self.networks.views[self.number] = self.networks.view(self.number)
        return self.networks.views[self.number]


class _Networks:
    """The networks of a graph, each added once, when the first of its views is made."""

    def __init__(self, ops: Operators, views: Sequence[tuple[View, Backbone]], widths: Sequence[int]) -> None:
        self.ops, self.asked, self.widths = ops, views, widths
        self.views: dict[int, str] = {}
        self._planes: str | None = None
        self._added: dict[str, _Added] = {}

    def view(self, number: int) -> str:
        """(n, width) float32, as `petmood.features.views` makes it."""
        view, backbone = self.asked[number]
        network = self._network(backbone)
        name, width = network.outputs[output_of(view, backbone)], self.widths[number]
        if view.mirror == "average":
            value = self.ops.apply("ReduceMean", network.halves(self.ops, name, width), axes=[0], keepdims=0)
        else:
            value = network.upright(self.ops, name, width)
        if is_half_precision(view):
            value = self.ops.cast(self.ops.cast(value, "FLOAT16"), "FLOAT")
        return value

    def imagenet(self) -> str | None:
        """(n, 1000) scores of the first network that has such a head and is read; of the picture, not its mirror."""
        for digest, network in self._added.items():
            backbone = next(b for _, b in self.asked if b.digest == digest)
            if backbone.logits and network.widths.get(backbone.logits) == N_IMAGENET:
                return network.upright(self.ops, network.outputs[backbone.logits], N_IMAGENET)
        return None

    def _network(self, backbone: Backbone) -> _Added:
        key = backbone.digest
        if key not in self._added:
            mirrored = any(v.mirror == "average" and b.digest == key for v, b in self.asked)
            self._added[key] = self._add(backbone, mirrored)
        return self._added[key]

    def _add(self, backbone: Backbone, mirrored: bool) -> _Added:
        import onnx

        ops = self.ops
        pixels = self._pixels()
        if mirrored:
            backwards = (-1, int(np.iinfo(np.int64).min), 3, -1)  # from the last column to before the first, axis, step
            flipped = ops.apply("Slice", pixels, *(ops.fixed(np.array([at])) for at in backwards))
            pixels = ops.apply("Concat", pixels, flipped, axis=0)
        mean, std = (np.array(v).reshape(1, 3, 1, 1) for v in (backbone.preprocess.mean, backbone.preprocess.std))
        normal = ops.apply("Div", ops.apply("Sub", pixels, ops.singles(mean)), ops.singles(std))
        model = onnx.load(str(backbone.graph))
        if [o.version for o in model.opset_import if o.domain == ""] != [OPSET]:
            model = onnx.version_converter.convert_version(model, OPSET)
        widths = {o.name: width_of(o) for o in model.graph.output}
        prefix = f"network{len(self._added)}."
        inner = onnx.compose.add_prefix_graph(model.graph, prefix)
        for node in inner.node:
            for i, name in enumerate(node.input):
                if name == inner.input[0].name:
                    node.input[i] = normal
        ops.graph.node.extend(inner.node)
        ops.graph.initializer.extend(inner.initializer)
        outputs = {name: prefix + name for name in widths}
        return _Added(outputs, widths, mirrored)

    def _pixels(self) -> str:
        if self._planes is None:
            self._planes = self.ops.cast(self.ops.apply("Transpose", PIXELS, perm=[0, 3, 1, 2]), "FLOAT")
        return self._planes


@dataclass(frozen=True)
class _Added:
    """A network inside the graph; with `mirrored`, its values have the pictures first, then their mirror images."""

    outputs: Mapping[str, str]
    widths: Mapping[str, int]
    mirrored: bool

    def halves(self, ops: Operators, value: str, width: int) -> str:
        """(2 or 1, n, width): pictures, and mirror images where there are some."""
        return ops.apply("Reshape", value, ops.fixed(np.array([1 + self.mirrored, -1, width])))

    def upright(self, ops: Operators, value: str, width: int) -> str:
        """(n, width) of the pictures alone."""
        if not self.mirrored:
            return value
        return ops.apply("Gather", self.halves(ops, value, width), ops.fixed(np.array(0)), axis=0)
