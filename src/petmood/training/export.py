"""A trained torch network -> the bytes of its ONNX graph."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor, nn

from petmood.errors import ModelError

_OPSET: Final = 17


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
    whole = _WithFeatures(network, order).to(device).eval()
    out = io.BytesIO()
    with warnings.catch_warnings():
        # the TorchScript exporter is chosen knowingly: see docs/decisions/0002
        warnings.simplefilter("ignore")
        torch.onnx.export(
            whole,
            (torch.zeros(2, 3, size, size, device=device),),
            out,  # type: ignore[arg-type]  # torch's types lack files in memory, which this exporter takes
            dynamo=False,
            opset_version=_OPSET,
            input_names=["pixels"],
            output_names=["features", "scores"],
            dynamic_axes={name: {0: "n"} for name in ("pixels", "features", "scores")},
        )
    return out.getvalue()
