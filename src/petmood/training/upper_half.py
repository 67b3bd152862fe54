"""EfficientNet-Lite0, its upper half or all of it, as a torch module that is fine-tuned; and how it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from petmood.features.efficientnet_lite import VARIANTS
from petmood.features.trunk import CUT
from petmood.training.settings import FineTuneSettings


class UpperHalf(nn.Module):
    """(n, ...) float32 activations, or normalised pixels -> (map (n, 1280, h, w), pooled (n, 1280), logits (n, k))."""

    def __init__(self, n_classes: int, dropout: float, whole: bool = False) -> None:
        super().__init__()
        inner: Any = VARIANTS[0].network().inner
        self.stem = nn.Sequential(inner._conv_stem, inner._bn0, inner._swish) if whole else nn.Sequential()
        self.blocks = nn.ModuleList(list(inner._blocks[0 if whole else CUT :]))
        self.conv, self.norm, self.act = inner._conv_head, inner._bn1, inner._swish
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(self.conv.out_channels, n_classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See the class."""
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        local = self.act(self.norm(self.conv(x)))
        pooled = local.mean(dim=(2, 3))
        return local, pooled, self.fc(self.dropout(pooled))

    def start_from(self, state: Mapping[str, Tensor]) -> None:
        """Take the weights of an upper half where they fit; a classifier of other classes is left as it is."""
        own, above = self.state_dict(), CUT if len(self.stem) else 0
        moved = {_moved(name, above): value for name, value in state.items()}
        self.load_state_dict({k: v for k, v in moved.items() if own[k].shape == v.shape}, strict=False)

    def freeze_norms(self) -> None:
        """Batch normalisation keeps ImageNet's statistics: batches of one folder are no better estimate of them."""
        for part in self.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.eval()

    def layers(self) -> list[nn.Module]:
        """The network's parts from the classifier down."""
        return [self.fc, nn.ModuleList([self.conv, self.norm]), *reversed(list(self.blocks)), self.stem]

    def groups(self, settings: FineTuneSettings) -> list[dict[str, Any]]:
        """Parameter groups with discriminative rates: the classifier's first, then from the top down."""
        parameters = [list(part.parameters()) for part in self.layers()]
        return [
            {"params": own, "lr": settings.rate * (1.0 if depth == 0 else 0.3 * settings.decay ** (depth - 1))}
            for depth, own in enumerate(parameters)
            if own
        ]

    def thaw(self, share: float) -> None:
        """Train this share of the parts, from the classifier down; the rest stands still."""
        parts = self.layers()
        trained = max(1, round(share * len(parts)))
        for depth, part in enumerate(parts):
            part.requires_grad_(depth < trained)


def _moved(name: str, above: int) -> str:
    kind, _, rest = name.partition(".")
    if kind != "blocks":
        return name
    number, _, rest = rest.partition(".")
    return f"blocks.{int(number) + above}.{rest}"


def rate_at(step: int, total: int) -> float:
    """Warm-up over a tenth of the steps, then a cosine to zero."""
    warm = max(1, total // 10)
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + float(np.cos(np.pi * (step - warm) / max(1, total - warm))))


@torch.no_grad()
def average_into(averaged: nn.Module, current: nn.Module, keep: float) -> None:
    """Move the parameters of one network towards those of another: `keep` of the old stays."""
    for mean, value in zip(averaged.parameters(), current.parameters(), strict=True):
        mean.lerp_(value, 1 - keep)


def mixed(x: Tensor, settings: FineTuneSettings, rng: np.random.Generator) -> tuple[Tensor, float, Tensor]:
    """Images mixed with others of the batch (MixUp), or with a rectangle of them pasted in (CutMix).

    Args:
        x: (n, channels, h, w).
        settings: how.
        rng: draws the share, which images are mixed, and the rectangle.

    Returns:
        the mixed images, the share of each that is its own, and (n,) which other is in each.
    """
    share = float(rng.beta(settings.mixup, settings.mixup)) if settings.mixup else 1.0
    other = torch.from_numpy(rng.permutation(len(x))).to(x.device)
    if not settings.cutmix or rng.random() >= settings.cutmix:
        return share * x + (1 - share) * x[other], share, other
    height, width = x.shape[2:]
    h, w = (round(side * (1 - share) ** 0.5) for side in (height, width))
    top, left = int(rng.integers(0, height - h + 1)), int(rng.integers(0, width - w + 1))
    pasted = x.clone()
    pasted[:, :, top : top + h, left : left + w] = x[other][:, :, top : top + h, left : left + w]
    return pasted, 1 - h * w / (height * width), other
