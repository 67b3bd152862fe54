"""A described network -> a torch module with Keras' layers, defaults and initial values.

A module reads (n, 3, height, width) float32 in [0, 1] and gives (n, n_classes) logits. It is fastest in the
channels-last memory format, in which it keeps Keras' element order (height, width, channels) without copying.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from petmood.training.networks import (
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPooling2D,
    Network,
    PReLU,
    Shape,
    describe,
)


class _TrainedSlopes(torch.autograd.Function):
    """prelu of the rows of a matrix with a slope a column, whose gradients cost a quarter of the time of torch's own.

    torch writes the slopes' gradient once a row and adds the rows up afterwards, through memory. Here a row is worked
    on while it is in the processor's cache.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, slopes: Tensor) -> Tensor:
        """(n, columns), (columns,) float32 -> (n, columns) of x's dtype."""
        ctx.save_for_backward(x, slopes)
        return functional.prelu(x, slopes.to(x.dtype))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients of x and of the slopes; the latter are summed in float32."""
        x: Tensor
        slopes: Tensor
        x, slopes = ctx.saved_tensors
        leaky = slopes.to(x.dtype)
        grad_x, grad_slopes = torch.empty_like(x), torch.zeros_like(slopes)
        rows = 1 if x.device.type == "cpu" else len(x)
        for at in range(0, len(x), rows):
            part, wanted, target = x[at : at + rows], grad[at : at + rows], grad_x[at : at + rows]
            above = torch.ops.aten.threshold_backward(wanted, part, 0)
            below = wanted - above
            torch.addcmul(above, below, leaky, out=target)
            grad_slopes += (below * part).sum(0, dtype=slopes.dtype)
        return grad_x, grad_slopes


class ElementwisePReLU(nn.Module):
    """Keras' PReLU: one slope for every element of the input, not one a channel as torch's own.

    Attributes:
        alpha: (height, width, channels) or (units,) float32: the slope where the input is negative, 0 at first.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(shape))

    def forward(self, x: Tensor) -> Tensor:
        """Shape and memory format as the input's."""
        # torch's prelu takes a slope for each column of a matrix; in channels-last format the matrix is a view.
        if x.ndim == 2:
            return self._rectify(x)
        rows = x.permute(0, 2, 3, 1)
        flat = self._rectify(rows.flatten(1))
        return flat.view(rows.shape).permute(0, 3, 1, 2)

    def _rectify(self, x: Tensor) -> Tensor:
        # exporters know torch's own operation, and nothing but training needs the gradients
        if self.training and torch.is_grad_enabled():
            return cast(Tensor, _TrainedSlopes.apply(x, self.alpha.flatten()))  # type: ignore[no-untyped-call]
        return functional.prelu(x, self.alpha.flatten().to(x.dtype))


class DenseBatchNorm(nn.BatchNorm1d):
    """Keras' BatchNormalization of a (n, units) matrix.

    It differs from torch's in two points: the moving variance takes the batch's variance as it is (torch multiplies
    it by n / (n - 1)), and a batch of one row is normalised (torch refuses it). For feature maps Keras' fused kernel
    does as torch does, so there torch's own is used.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(n, units) float32 -> the same shape."""
        if not self.training:
            return super().forward(x)
        x = x.float()  # statistics are kept in float32 whatever the precision of the layers before
        variance, mean = torch.var_mean(x, dim=0, correction=0)
        if self.running_mean is not None and self.running_var is not None and self.momentum is not None:
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(variance, self.momentum)
        return (x - mean) * torch.rsqrt(variance + self.eps) * self.weight + self.bias


class ChannelsLastFlatten(nn.Module):
    """(n, channels, height, width) -> (n, height * width * channels), in Keras' order."""

    def forward(self, x: Tensor) -> Tensor:
        """A view where the input is in channels-last format."""
        return x.permute(0, 2, 3, 1).flatten(1)


def build(network: Network, seed: int) -> nn.Sequential:
    """Make the module of a network: on the CPU, in channels-last format, in training mode.

    Kernels are drawn Glorot-uniform and biases are 0, as Keras does by default. The same seed draws the same values;
    the global random state is left as it was. Modules are named as in `describe`; the rectifier that belongs to
    "conv2d_1" is "conv2d_1_relu".
    """
    parts: list[tuple[str, nn.Module]] = []
    shape: Shape = (network.size, network.size, 3)
    # Made without memory and filled below: torch would draw its own initial values only for them to be replaced.
    with torch.device("meta"):
        for (name, layer), row in zip(network.named_layers(), describe(network), strict=True):
            # The largest value, rectified, is the largest rectified value, and gradients agree too; pooling first
            # leaves a quarter of the elements to rectify, which saves about a fifth of a training step on a CPU.
            pools_rectified = isinstance(layer, MaxPooling2D) and bool(parts) and isinstance(parts[-1][1], nn.ReLU)
            parts.insert(len(parts) - pools_rectified, (name, _module(layer, shape)))
            if isinstance(layer, Conv2D | Dense) and layer.activation == "relu":
                parts.append((f"{name}_relu", nn.ReLU(inplace=True)))
            shape = row.output_shape
    sequential = nn.Sequential(OrderedDict(parts))
    sequential.to_empty(device="cpu")
    _initialise(sequential, seed)
    sequential.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's types lack this one
    return sequential


def _module(layer: Layer, shape: Shape) -> nn.Module:
    """The torch module of a layer whose input for one image has `shape`, channels last."""
    match layer:
        case Conv2D(filters, kernel):
            return nn.Conv2d(shape[-1], filters, kernel)
        case MaxPooling2D(size):
            return nn.MaxPool2d(size)
        case Flatten():
            return ChannelsLastFlatten()
        case Dense(units):
            return nn.Linear(shape[-1], units)
        case PReLU():
            return ElementwisePReLU(shape)
        case BatchNormalization(momentum, epsilon):
            norm = nn.BatchNorm2d if len(shape) == 3 else DenseBatchNorm
            return norm(shape[-1], eps=epsilon, momentum=1 - momentum)  # torch's is the share of the new statistics
        case Dropout(rate):
            return nn.Dropout(rate)


def _initialise(module: nn.Module, seed: int) -> None:
    """Fill every parameter and buffer with Keras' initial values."""
    generator = torch.Generator().manual_seed(seed)
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            # For kernels of these layers torch computes the two fans as Keras does, receptive field included.
            nn.init.xavier_uniform_(part.weight, generator=generator)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            part.reset_parameters()
        elif isinstance(part, ElementwisePReLU):
            nn.init.zeros_(part.alpha)
