"""A trained torch network -> the bytes of its ONNX graph."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from petmood.errors import ModelError
from petmood.features.graphs import export_onnx


class _WithFeatures(nn.Module):
    """(n, 3, size, size) float32 in [0, 1] -> features before the last layer, and its scores."""

    def __init__(self, network: nn.Sequential, order: Sequence[int]) -> None:
        super().__init__()
        parts = list(network)
        if not isinstance(parts[-1], nn.Linear):
            raise ModelError(f"a network is exported up to its last Linear layer, got {type(parts[-1]).__name__}.")
        self.body = nn.Sequential(*parts[:-1])
        self.last = nn.Linear(parts[-1].in_features, len(order))
        with torch.no_grad():
            self.last.weight.copy_(parts[-1].weight[list(order)])
            self.last.bias.copy_(parts[-1].bias[list(order)])

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(pixels)
        return features, self.last(features)


def network_onnx(network: nn.Sequential, size: int, order: Sequence[int]) -> bytes:
    """The ONNX graph of a network that ends in a linear layer.

    Input `pixels` (n, 3, size, size) float32, as the network reads it; outputs `features` (n, dim), what its last layer
    reads, and `scores` (n, len(order)): the network's own scores, in this order. The network is left as it is.

    Raises:
        ModelError: its last layer is not linear.
    """
    device = next(network.parameters()).device
    whole = _WithFeatures(network, order).to(device)
    return export_onnx(whole, torch.zeros(2, 3, size, size, device=device), ("features", "scores"))
