"""The reference study's two networks: class count and image size go in, a layer list and its table of facts come out.

Nothing here needs torch: a network is a description, which `petmood.training.modules.build` turns into a torch module.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod
from typing import ClassVar, Final, Literal

from petmood.errors import ConfigError
from petmood.results.study import LayerRow, NetworkFacts

Activation = Literal["linear", "relu"]
Shape = tuple[int, ...]
"""What one image has become: (height, width, channels) or (units,), channels last as in Keras."""


@dataclass(frozen=True, slots=True)
class Conv2D:
    """Convolution, stride 1, valid padding, with bias."""

    kind: ClassVar[str] = "Conv2D"
    filters: int
    kernel: int = 3
    activation: Activation = "linear"


@dataclass(frozen=True, slots=True)
class MaxPooling2D:
    """Largest value of each size x size window; windows do not overlap, an incomplete last one is dropped."""

    kind: ClassVar[str] = "MaxPooling2D"
    size: int = 2


@dataclass(frozen=True, slots=True)
class Flatten:
    """(height, width, channels) -> one vector in that order."""

    kind: ClassVar[str] = "Flatten"


@dataclass(frozen=True, slots=True)
class Dense:
    """Fully connected layer with bias."""

    kind: ClassVar[str] = "Dense"
    units: int
    activation: Activation = "linear"


@dataclass(frozen=True, slots=True)
class PReLU:
    """Leaky rectifier whose slope is learnt for every element of its input, from 0."""

    kind: ClassVar[str] = "PReLU"


@dataclass(frozen=True, slots=True)
class BatchNormalization:
    """Normalisation by channel over the batch. `momentum` is the share of the old moving statistics (Keras' sense)."""

    kind: ClassVar[str] = "BatchNormalization"
    momentum: float = 0.99
    epsilon: float = 1e-3


@dataclass(frozen=True, slots=True)
class Dropout:
    """Zeroes a share `rate` of its input while training."""

    kind: ClassVar[str] = "Dropout"
    rate: float = 0.5


Layer = Conv2D | MaxPooling2D | Flatten | Dense | PReLU | BatchNormalization | Dropout

_STEM: Final = {
    "Conv2D": "conv2d",
    "MaxPooling2D": "max_pooling2d",
    "Flatten": "flatten",
    "Dense": "dense",
    "PReLU": "p_re_lu",
    "BatchNormalization": "batch_normalization",
    "Dropout": "dropout",
}


@dataclass(frozen=True, slots=True)
class Network:
    """A network, described: RGB images in, one logit a class out (the softmax is applied by who predicts).

    Attributes:
        name: how it is asked for, e.g. "cnn1".
        title: what people call it.
        size: side of its square input in pixels.
        n_classes: number of outputs.
        layers: from input to output.
    """

    name: str
    title: str
    size: int
    n_classes: int
    layers: tuple[Layer, ...]

    def named_layers(self) -> Iterator[tuple[str, Layer]]:
        """Each layer with its unique name, e.g. "conv2d_2"."""
        seen: Counter[str] = Counter()
        for layer in self.layers:
            seen[layer.kind] += 1
            yield f"{_STEM[layer.kind]}_{seen[layer.kind]}", layer


def describe(network: Network) -> tuple[LayerRow, ...]:
    """The table of a network, a row a layer.

    Raises:
        ConfigError: the input is too small for the layers.
    """
    rows: list[LayerRow] = []
    shape: Shape = (network.size, network.size, 3)
    for name, layer in network.named_layers():
        shape, params, fixed = _apply(layer, shape)
        if min(shape) < 1:
            raise ConfigError(
                f"images of {network.size}x{network.size} pixels are too small for {network.title}: nothing is left "
                f"after layer '{name}'. Choose a larger size."
            )
        rows.append(
            LayerRow(name=name, kind=layer.kind, output_shape=shape, params=params, trainable_params=params - fixed)
        )
    return tuple(rows)


def count_parameters(network: Network) -> tuple[int, int]:
    """(all parameters, trainable parameters)."""
    rows = describe(network)
    return sum(row.params for row in rows), sum(row.trainable_params for row in rows)


def _apply(layer: Layer, shape: Shape) -> tuple[Shape, int, int]:
    """Output shape, parameters, and how many of those are fixed, of a layer on an input shape."""
    match layer:
        case Conv2D(filters, kernel):
            height, width, channels = shape
            return (height - kernel + 1, width - kernel + 1, filters), (kernel**2 * channels + 1) * filters, 0
        case MaxPooling2D(size):
            height, width, channels = shape
            return (height // size, width // size, channels), 0, 0
        case Flatten():
            return (prod(shape),), 0, 0
        case Dense(units):
            return (units,), (shape[0] + 1) * units, 0
        case PReLU():
            return shape, prod(shape), 0
        case BatchNormalization():
            return shape, 4 * shape[-1], 2 * shape[-1]
        case Dropout():
            return shape, 0, 0


def study_cnn(n_classes: int = 4, size: int = 224) -> Network:
    """CNN 1 of the study: three convolutions, each followed by pooling; 11,169,476 parameters at 4 classes, 224 px.

    Raises:
        ConfigError: fewer than two classes, or a size too small.
    """
    layers: tuple[Layer, ...] = (
        Conv2D(32, activation="relu"),
        MaxPooling2D(),
        Conv2D(64, activation="relu"),
        MaxPooling2D(),
        Conv2D(128, activation="relu"),
        MaxPooling2D(),
        Flatten(),
        Dense(128, activation="relu"),
        Dropout(0.5),
        Dense(n_classes),
    )
    return _checked(Network("cnn1", "CNN 1", size, n_classes, layers))


def study_cnn2(n_classes: int = 4, size: int = 224, n: int = 3) -> Network:
    """CNN 2 of the study: 29,458,340 parameters at 4 classes, 224 px, n = 3, of which 704 are moving statistics.

    The study calls `n` the number of (Conv - Conv - MaxPool) repetitions, but its code makes one convolution and then
    n - 1 repetitions; the code is what is replicated.

    Raises:
        ConfigError: fewer than two classes, n < 1, or a size too small.
    """
    if n < 1:
        raise ConfigError(f"CNN 2 needs n of at least 1, got {n}. The study used 3.")
    block: tuple[Layer, ...] = (*_conv_block(32), *_conv_block(64), MaxPooling2D())
    layers: tuple[Layer, ...] = (
        *_conv_block(32),
        *block * (n - 1),
        Flatten(),
        Dense(128),
        PReLU(),
        BatchNormalization(),
        Dropout(0.5),
        Dense(n_classes),
    )
    return _checked(Network("cnn2", "CNN 2", size, n_classes, layers))


def custom_cnn(
    n_classes: int, size: int, *, depth: int, filters: int, activation: str, batch_norm: bool, dropout: float
) -> Network:
    """A network between the study's two: `depth` convolutions, each twice as wide as the one before and pooled.

    With "prelu" and batch normalisation its layers come in CNN 2's order, else in CNN 1's.

    Raises:
        ConfigError: fewer than two classes, or a size too small for the depth.
    """

    def active(layer: type[Conv2D] | type[Dense], width: int) -> tuple[Layer, ...]:
        after: tuple[Layer, ...] = (PReLU(),) if activation == "prelu" else ()
        norm: tuple[Layer, ...] = (BatchNormalization(),) if batch_norm else ()
        return layer(width, activation="linear" if activation == "prelu" else "relu"), *after, *norm

    blocks = [(*active(Conv2D, filters * 2**i), MaxPooling2D()) for i in range(depth)]
    layers: tuple[Layer, ...] = (
        *(layer for block in blocks for layer in block),
        Flatten(),
        *active(Dense, 128),
        Dropout(dropout),
        Dense(n_classes),
    )
    return _checked(Network("tuned", f"a CNN of {depth} convolutions", size, n_classes, layers))


def _conv_block(filters: int) -> tuple[Layer, ...]:
    return Conv2D(filters), PReLU(), BatchNormalization()


def _checked(network: Network) -> Network:
    if network.n_classes < 2:
        raise ConfigError(f"a network needs at least 2 classes, got {network.n_classes}. Add a class.")
    describe(network)
    return network


NETWORKS: Final[dict[str, Callable[[int, int], Network]]] = {"cnn1": study_cnn, "cnn2": study_cnn2}
"""Networks by name, each made from (number of classes, image size)."""


def make_network(name: str, n_classes: int = 4, size: int = 224) -> Network:
    """A network by name.

    Raises:
        ConfigError: an unknown name, fewer than two classes, or a size too small.
    """
    if name not in NETWORKS:
        raise ConfigError(f"unknown network '{name}'. Choose one of: {', '.join(NETWORKS)}.")
    return NETWORKS[name](n_classes, size)


def network_facts(name: str, n_classes: int = 4, size: int = 224) -> NetworkFacts:
    """The table of one network.

    Raises:
        ConfigError: an unknown network, fewer than two classes, or a size too small for it.
    """
    network = make_network(name, n_classes, size)
    total, trainable = count_parameters(network)
    return NetworkFacts(
        name=network.name,
        title=network.title,
        input_shape=(size, size, 3),
        n_classes=n_classes,
        layers=describe(network),
        params=total,
        trainable_params=trainable,
        non_trainable_params=total - trainable,
    )


def list_networks(n_classes: int = 4, size: int = 224) -> tuple[NetworkFacts, ...]:
    """The tables of all networks. Raises as `network_facts`."""
    return tuple(network_facts(name, n_classes, size) for name in NETWORKS)
