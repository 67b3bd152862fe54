"""Class count and image size -> the table of each network that petmood trains; needs no torch."""

from __future__ import annotations

from dataclasses import asdict

from petmood.results import LayerRow, NetworkFacts
from petmood.training.networks import NETWORKS, count_parameters, describe, make_network


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
        layers=tuple(LayerRow(**asdict(row)) for row in describe(network)),
        params=total,
        trainable_params=trainable,
        non_trainable_params=total - trainable,
    )


def list_networks(n_classes: int = 4, size: int = 224) -> tuple[NetworkFacts, ...]:
    """The tables of all networks. Raises as `network_facts`."""
    return tuple(network_facts(name, n_classes, size) for name in NETWORKS)
