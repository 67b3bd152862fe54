"""Views of images and class names -> EfficientNet-Lite0, its upper half or all of it, fine-tuned: a classifier."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold
from torch import Tensor
from torch.nn import functional

from petmood.errors import DataError
from petmood.features.trunk import SHAPE
from petmood.training.classifier import FeatureClassifier, TrainingRows
from petmood.training.devices import resolve_device
from petmood.training.settings import FineTuneSettings
from petmood.training.upper_half import UpperHalf, average_into, mixed, rate_at

_PLAIN_VIEWS: Final = 2  # the image and its mirror image: what is predicted on
_BATCH: Final = 64

OnEpoch = Callable[[int, int, float, float], None]
"""Called with (epoch from 1, epochs, mean loss, seconds)."""


class FineTunedHead(FeatureClassifier):
    """Fine-tunes EfficientNet-Lite0 on several views of each image, of which the first two are predicted on.

    Rows are (n, views, *SHAPE) float16 activations (`petmood.features.trunk`), or the same flattened to (n, views *
    ...); with `whole`, (n, views, size, size, 3) uint8 pixels.

    Attributes:
        crown_: the trained module, in evaluation mode.
        epoch_: the epoch, from 1, whose weights were kept.
    """

    crown_: UpperHalf
    epoch_: int

    def __init__(
        self,
        settings: FineTuneSettings | None = None,
        start: Mapping[str, Tensor] | None = None,
        on_epoch: OnEpoch | None = None,
    ) -> None:
        """Choose settings, and the weights to start from: ImageNet's if None; a classifier of other classes is left."""
        self.settings = settings
        self.start = start
        self.on_epoch = on_epoch

    def check_rows(self, X: NDArray[Any]) -> NDArray[Any]:
        """(n, views, *SHAPE) float16, or (n, views, size, size, 3) uint8."""
        if (self.settings or FineTuneSettings()).whole:
            pixels = np.asarray(X)
            if pixels.ndim != 5 or pixels.dtype != np.uint8 or pixels.shape[1] < _PLAIN_VIEWS:
                raise DataError(f"rows must be (n, 2 or more, size, size, 3) uint8, got {pixels.shape} {pixels.dtype}.")
            return pixels
        return _activations(X)

    def _learn(self, training: TrainingRows) -> None:
        """Weights are scaled to a mean of 1."""
        settings = self.settings or FineTuneSettings()
        weights = training.weights / training.weights.mean()
        kept, held = np.arange(len(weights)), np.empty(0, dtype=np.int64)
        if settings.patience is not None:
            splitter = StratifiedGroupKFold(training.folds(settings.held), shuffle=True, random_state=settings.seed)
            kept, held = next(iter(splitter.split(training.rows, training.labels, training.families)))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            crown = UpperHalf(len(training.classes), settings.dropout, settings.whole)
            if self.start is not None:
                crown.start_from(self.start)
            self._train(crown, training.rows, training.codes, weights, kept, held, settings)

    def _train(
        self,
        crown: UpperHalf,
        views: NDArray[Any],
        targets: NDArray[np.int64],
        weights: NDArray[np.float64],
        kept: NDArray[np.int64],
        held: NDArray[np.int64],
        settings: FineTuneSettings,
    ) -> None:
        rng = np.random.default_rng(settings.seed)
        device = resolve_device(settings.device)
        crown.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's types lack this one
        averaged = copy.deepcopy(crown)
        optimiser = torch.optim.AdamW(crown.groups(settings), weight_decay=settings.weight_decay)
        steps = max(1, len(kept) // settings.batch_size)
        total = steps * settings.epochs
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda i: rate_at(i, total))
        best, self.epoch_ = np.inf, settings.epochs
        self.crown_ = averaged
        for epoch in range(settings.epochs):
            began, losses = time.perf_counter(), []
            crown.train()
            crown.freeze_norms()
            crown.thaw(1.0 if not settings.thaw else min(1.0, epoch / (settings.thaw * settings.epochs)))
            order = kept[rng.permutation(len(kept))]
            for step in range(steps):
                rows = order[step * settings.batch_size : (step + 1) * settings.batch_size]
                x = _input(views[rows, rng.integers(0, views.shape[1], len(rows))], device)
                y = torch.from_numpy(targets[rows]).to(device)
                w = torch.from_numpy(weights[rows].astype(np.float32)).to(device)
                x, share, other = mixed(x, settings, rng)
                logits = crown(x.contiguous(memory_format=torch.channels_last))[2]
                each = [
                    functional.cross_entropy(logits, t, reduction="none", label_smoothing=settings.smoothing)
                    for t in (y, y[other])
                ]
                loss = (share * each[0] * w + (1 - share) * each[1] * w[other]).mean()
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]  # torch's types lack it
                optimiser.step()
                schedule.step()
                done = epoch * steps + step + 1
                average_into(averaged, crown, min(settings.average, (1 + done) / (10 + done)))
                losses.append(loss.item())
            if self.on_epoch is not None:
                self.on_epoch(epoch + 1, settings.epochs, float(np.mean(losses)), time.perf_counter() - began)
            if settings.patience is not None:
                _, said = _forward(averaged.eval(), views[held])
                found = float(-np.log(np.clip(said[np.arange(len(held)), targets[held]], 1e-7, 1)).mean())
                if found < best:
                    best, self.epoch_, self.crown_ = found, epoch + 1, copy.deepcopy(averaged)
                elif epoch + 1 - self.epoch_ >= settings.patience:
                    break
        self.crown_ = self.crown_.requires_grad_(False).eval()

    def _answer(self, rows: NDArray[Any]) -> NDArray[np.floating[Any]]:
        """(n, n_classes) float64: probabilities averaged over the image and its mirror image."""
        return _forward(self.crown_, rows)[1]

    def transform(self, X: NDArray[Any]) -> NDArray[np.float32]:
        """(n, 1280) float32: pooled features averaged over the image and its mirror image."""
        return _forward(self.crown_, self.checked(X))[0]


def _forward(crown: UpperHalf, views: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    features, probabilities = [], []
    device = next(crown.parameters()).device
    with torch.inference_mode():
        for start in range(0, len(views), _BATCH):
            part = views[start : start + _BATCH, :_PLAIN_VIEWS]
            _, pooled, logits = crown(_input(part.reshape(-1, *part.shape[2:]), device))
            features.append(pooled.view(len(part), _PLAIN_VIEWS, -1).mean(dim=1).cpu().numpy())
            chance = functional.softmax(logits.cpu().double(), dim=1)
            probabilities.append(chance.view(len(part), _PLAIN_VIEWS, -1).mean(dim=1).numpy())
    return np.concatenate(features), np.concatenate(probabilities)


def _input(rows: NDArray[Any], device: torch.device) -> Tensor:
    """(n, channels, h, w) float32: activations as they are, pixels normalised."""
    values = torch.from_numpy(np.ascontiguousarray(rows)).to(device).float()
    return values if rows.dtype != np.uint8 else (values.permute(0, 3, 1, 2) - 127) / 128


def _activations(X: NDArray[Any]) -> NDArray[np.float16]:
    values = np.asarray(X)
    size = int(np.prod(SHAPE))
    flat = values.reshape(len(values), -1)
    if flat.shape[1] % size or flat.shape[1] < _PLAIN_VIEWS * size:
        raise DataError(f"rows must hold 2 or more views of {SHAPE} activations, got shape {values.shape}.")
    return flat.reshape(len(flat), -1, *SHAPE).astype(np.float16, copy=False)
