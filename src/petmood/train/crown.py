"""Activations at half depth and class names -> the upper half of EfficientNet-Lite0, fine-tuned, as a classifier."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from petmood.errors import ConfigError, DataError
from petmood.features.efficientnet_lite import VARIANTS
from petmood.features.trunk import CUT, SHAPE
from petmood.train.learner import Learner, Lesson

_PLAIN_VIEWS: Final = 2  # the image and its mirror image: what is predicted on


@dataclass(frozen=True, slots=True)
class CrownSettings:
    """How the upper half is fine-tuned.

    Attributes:
        epochs: passes through the training images, a random view of each in each.
        batch_size: images in a step.
        rate: peak learning rate of the new classifier; a block's is less by `decay` for each block below the top.
        decay: factor between the rates of neighbouring blocks (discriminative learning rates).
        weight_decay: of AdamW.
        smoothing: of labels.
        mixup: parameter of the Beta distribution by which two images' activations are mixed; 0 mixes none.
        dropout: before the classifier.
        average: decay of the exponential moving average of weights, which is what is kept.
        seed: of order, views, mixing and the classifier's first weights.
    """

    epochs: int = 8
    batch_size: int = 32
    rate: float = 1e-3
    decay: float = 0.75
    weight_decay: float = 0.02
    smoothing: float = 0.1
    mixup: float = 0.2
    dropout: float = 0.2
    average: float = 0.99
    seed: int = 42

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 2:
            raise ConfigError(f"epochs must be 1 or more and batches 2 or more, got {self.epochs}, {self.batch_size}.")


class Crown(nn.Module):
    """(n, *SHAPE) float32 activations -> (local features (n, 1280, h, w), pooled (n, 1280), logits (n, k))."""

    def __init__(self, n_classes: int, dropout: float) -> None:
        super().__init__()
        inner: Any = VARIANTS[0].network().inner
        self.blocks = nn.ModuleList(list(inner._blocks[CUT:]))
        self.conv, self.norm, self.act = inner._conv_head, inner._bn1, inner._swish
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(self.conv.out_channels, n_classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See the class."""
        for block in self.blocks:
            x = block(x)
        local = self.act(self.norm(self.conv(x)))
        pooled = local.mean(dim=(2, 3))
        return local, pooled, self.fc(self.dropout(pooled))

    def freeze_norms(self) -> None:
        """Batch normalisation keeps ImageNet's statistics: batches of one folder are no better estimate of them."""
        for part in self.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.eval()

    def groups(self, settings: CrownSettings) -> list[dict[str, Any]]:
        """Parameter groups with discriminative rates: the classifier's first, then from the top down."""
        top = [self.fc, nn.ModuleList([self.conv, self.norm]), *reversed(list(self.blocks))]
        return [
            {
                "params": list(part.parameters()),
                "lr": settings.rate * (1.0 if depth == 0 else 0.3 * settings.decay ** (depth - 1)),
            }
            for depth, part in enumerate(top)
        ]


OnEpoch = Callable[[int, int, float, float], None]
"""Called with (epoch from 1, epochs, mean loss, seconds)."""


class CrownHead(Learner):
    """Fine-tunes the upper half of EfficientNet-Lite0 on rows of activations (`petmood.features.trunk`).

    Rows are (n, views, *SHAPE) float16, or the same flattened to (n, views * ...).

    Attributes:
        crown_: the trained module, in evaluation mode.
    """

    crown_: Crown

    def __init__(
        self,
        settings: CrownSettings | None = None,
        start: Mapping[str, Tensor] | None = None,
        on_epoch: OnEpoch | None = None,
    ) -> None:
        """Choose settings, and the weights to start from: ImageNet's if None; a classifier of other classes is left."""
        self.settings = settings
        self.start = start
        self.on_epoch = on_epoch

    def check_rows(self, X: NDArray[Any]) -> NDArray[Any]:
        """(n, views, *SHAPE) float16."""
        return _views(X)

    def learn(self, lesson: Lesson) -> None:
        """See `Learner.learn`; weights are scaled to a mean of 1."""
        settings = self.settings or CrownSettings()
        weights = lesson.weights / lesson.weights.mean()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            crown = Crown(len(lesson.classes), settings.dropout)
            if self.start is not None:
                own = crown.state_dict()
                crown.load_state_dict({k: v for k, v in self.start.items() if own[k].shape == v.shape}, strict=False)
            self.crown_ = self._train(crown, lesson.rows, lesson.codes, weights, settings)

    def _train(
        self,
        crown: Crown,
        views: NDArray[np.float16],
        targets: NDArray[np.int64],
        weights: NDArray[np.float64],
        settings: CrownSettings,
    ) -> Crown:
        rng = np.random.default_rng(settings.seed)
        crown.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's types lack this one
        averaged = copy.deepcopy(crown)
        optimiser = torch.optim.AdamW(crown.groups(settings), weight_decay=settings.weight_decay)
        steps = max(1, len(views) // settings.batch_size)
        total = steps * settings.epochs
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda i: _rate(i, total))
        done = 0
        for epoch in range(settings.epochs):
            began, losses = time.perf_counter(), []
            crown.train()
            crown.freeze_norms()
            order = rng.permutation(len(views))
            for step in range(steps):
                rows = order[step * settings.batch_size : (step + 1) * settings.batch_size]
                x = torch.from_numpy(views[rows, rng.integers(0, views.shape[1], len(rows))].astype(np.float32))
                y = torch.from_numpy(targets[rows])
                w = torch.from_numpy(weights[rows].astype(np.float32))
                share = float(rng.beta(settings.mixup, settings.mixup)) if settings.mixup else 1.0
                other = torch.from_numpy(rng.permutation(len(rows)))
                x = (share * x + (1 - share) * x[other]).contiguous(memory_format=torch.channels_last)
                logits = crown(x)[2]
                each = [
                    functional.cross_entropy(logits, t, reduction="none", label_smoothing=settings.smoothing)
                    for t in (y, y[other])
                ]
                loss = (share * each[0] * w + (1 - share) * each[1] * w[other]).mean()
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]  # torch's types lack it
                optimiser.step()
                schedule.step()
                done += 1
                _average(averaged, crown, min(settings.average, (1 + done) / (10 + done)))
                losses.append(loss.item())
            if self.on_epoch is not None:
                self.on_epoch(epoch + 1, settings.epochs, float(np.mean(losses)), time.perf_counter() - began)
        return averaged.eval()

    def answer(self, rows: NDArray[Any]) -> NDArray[np.floating[Any]]:
        """(n, n_classes) float64: probabilities averaged over the image and its mirror image."""
        return self._forward(rows)[1]

    def transform(self, X: NDArray[Any]) -> NDArray[np.float32]:
        """(n, 1280) float32: pooled features averaged over the image and its mirror image."""
        return self._forward(self.checked(X))[0]

    def _forward(self, views: NDArray[np.float16]) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        features, probabilities = [], []
        with torch.inference_mode():
            for start in range(0, len(views), 64):
                part = views[start : start + 64, :_PLAIN_VIEWS].astype(np.float32)
                _, pooled, logits = self.crown_(torch.from_numpy(part.reshape(-1, *SHAPE)))
                features.append(pooled.view(len(part), _PLAIN_VIEWS, -1).mean(dim=1).numpy())
                chance = functional.softmax(logits.double(), dim=1)
                probabilities.append(chance.view(len(part), _PLAIN_VIEWS, -1).mean(dim=1).numpy())
        return np.concatenate(features), np.concatenate(probabilities)


def _rate(step: int, total: int) -> float:
    """Warm-up over a tenth of the steps, then a cosine to zero."""
    warm = max(1, total // 10)
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + float(np.cos(np.pi * (step - warm) / max(1, total - warm))))


@torch.no_grad()
def _average(averaged: nn.Module, current: nn.Module, keep: float) -> None:
    for mean, value in zip(averaged.parameters(), current.parameters(), strict=True):
        mean.lerp_(value, 1 - keep)


def _views(X: NDArray[Any]) -> NDArray[np.float16]:
    values = np.asarray(X)
    size = int(np.prod(SHAPE))
    flat = values.reshape(len(values), -1)
    if flat.shape[1] % size or flat.shape[1] < _PLAIN_VIEWS * size:
        raise DataError(f"rows must hold 2 or more views of {SHAPE} activations, got shape {values.shape}.")
    return flat.reshape(len(flat), -1, *SHAPE).astype(np.float16, copy=False)
