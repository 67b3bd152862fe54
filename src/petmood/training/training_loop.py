"""Module, labelled images and settings -> the module trained, and its learning curves; resumable and reproducible."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from json import dumps
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from petmood.errors import ConfigError, ModelError
from petmood.progress import Tick, silent
from petmood.results import Epochs
from petmood.training import checkpoint
from petmood.training.checkpoint import Checkpoint
from petmood.training.devices import (
    finish_step,
    kept_pages,
    resolve_device,
    resolve_precision,
    seed_device,
    without_gradients,
)
from petmood.training.distributed import ProcessGroup
from petmood.training.settings import EpochLog, OnEpoch, TrainedNetwork, TrainSettings


class TrainingState:
    """A training as it stands: module, optimiser, curves, best weights; all that a checkpoint must hold."""

    def __init__(self, module: nn.Module, settings: TrainSettings) -> None:
        self.module, self.settings = module, settings
        self.history = Epochs(loss=(), accuracy=(), val_loss=(), val_accuracy=())
        self.device = next(module.parameters()).device
        # Keras adds its epsilon, 1e-7, before the bias of the second moment is corrected, torch after: a difference
        # of a factor of at most 32 in a term that only matters where gradients are near 1e-7.
        self.optimiser = torch.optim.Adam(
            module.parameters(), lr=settings.learning_rate, eps=1e-7, fused=self.device.type in ("cpu", "cuda")
        )
        self._best: dict[str, Tensor] = {}

    @property
    def epoch(self) -> int:
        """Number of epochs done."""
        return len(self.history.loss)

    @property
    def best_epoch(self) -> int | None:
        """The first epoch of the lowest validation loss, from 1; None without validation."""
        return int(np.argmin(self.history.val_loss)) + 1 if self.history.val_loss else None

    @property
    def learning_rate(self) -> float:
        """Of the epoch to come."""
        return float(self.optimiser.param_groups[0]["lr"])

    def out_of_patience(self) -> bool:
        """Whether as many epochs as the patience allows have passed since the best one."""
        patience, best = self.settings.patience, self.best_epoch
        return patience is not None and best is not None and self.epoch - best >= patience

    def finish_epoch(self, scores: tuple[float, float], val_scores: tuple[float, float] | None) -> None:
        """Take an epoch's loss and accuracy into the curves, and act on them."""
        if not np.isfinite([*scores, *(val_scores or ())]).all():
            raise ModelError(
                f"training diverged: in epoch {self.epoch + 1} the loss is no longer a finite number. "
                f"Choose a smaller learning rate (it was {self.learning_rate:g})."
            )
        done = self.history
        val_loss, val_accuracy = ((), ()) if val_scores is None else (val_scores[:1], val_scores[1:])
        self.history = Epochs(
            loss=(*done.loss, scores[0]),
            accuracy=(*done.accuracy, scores[1]),
            val_loss=(*done.val_loss, *val_loss),
            val_accuracy=(*done.val_accuracy, *val_accuracy),
        )
        if self.settings.patience is not None and self.best_epoch == self.epoch:
            self._remember_best()

    def _remember_best(self) -> None:
        self._best = {name: tensor.clone() for name, tensor in self.module.state_dict().items()}

    def keep_best(self) -> int:
        """With patience, go back to the best weights. Returns the epoch whose weights the module has now."""
        self.module.eval()
        if self.settings.patience is None or self.best_epoch is None:
            return self.epoch
        self.module.load_state_dict(self._best)
        return self.best_epoch

    def snapshot(self) -> Checkpoint:
        """Curves and tensors; the patience used up follows from the curves."""
        tensors = {f"module.{name}": tensor for name, tensor in self.module.state_dict().items()}
        for index, slots in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{slot}": tensor for slot, tensor in slots.items()}
        if self.best_epoch != self.epoch:
            tensors |= {f"best.{name}": tensor for name, tensor in self._best.items()}
        return Checkpoint(self.history, tensors)

    def restore(self, found: Checkpoint) -> None:
        """Continue where a snapshot was taken."""
        parts: dict[str, dict[str, Tensor]] = {"module": {}, "optimiser": {}, "best": {}}
        for label, tensor in found.tensors.items():
            part, _, name = label.partition(".")
            parts[part][name] = tensor.to(self.device)
        self.module.load_state_dict(parts["module"])
        slots: dict[int, dict[str, Tensor]] = {}
        for index, parameter in enumerate(self.module.parameters()):
            # The fused Adam walks memory, so moments must lie as their parameter does (channels last).
            moments = {slot: parts["optimiser"][f"{index}.{slot}"] for slot in ("exp_avg", "exp_avg_sq")}
            slots[index] = {slot: torch.empty_like(parameter).copy_(tensor) for slot, tensor in moments.items()}
            slots[index]["step"] = parts["optimiser"][f"{index}.step"]
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": slots})
        self.history = found.history
        if parts["best"]:
            self._best = parts["best"]
        elif self.settings.patience is not None:
            self._remember_best()


_EVAL_BATCH = 64
"""Images in a step without gradients: more brings no speed and costs memory."""


@dataclass(frozen=True)
class LabelledImages:
    """Images with their classes, in memory.

    Attributes:
        images: (n, height, width, 3) uint8 RGB.
        targets: (n,) int64: index of the class.
        weights: (n,) float32: weight of each image in the loss, or None for all 1.
    """

    images: NDArray[np.uint8]
    targets: NDArray[np.int64]
    weights: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.images)


def train(
    module: nn.Module,
    data: LabelledImages,
    settings: TrainSettings,
    *,
    validation: LabelledImages | None = None,
    checkpoint_dir: Path | None = None,
    on_epoch: OnEpoch | None = None,
    on_step: Tick = silent,
) -> TrainedNetwork:
    """Train `module` in place with Adam on cross-entropy; it ends in evaluation mode on the device of the settings.

    With the same arguments on the same machine the result is the same, whether or not the training was interrupted
    and resumed from `checkpoint_dir` in between: the order of images and dropout in an epoch follow from the seed and
    the epoch's number alone. The global random state is left as it was. A checkpoint of other data, settings (save
    `epochs`) or network is not used. An exception of a callback, or Ctrl-C, leaves the last epoch's checkpoint.

    Raises:
        ConfigError: `patience` without validation images, or a device that is not there.
        ModelError: the loss is no longer a finite number.
    """
    if settings.patience is not None and validation is None:
        raise ConfigError(
            f"early stopping (patience {settings.patience}) watches the loss on validation images, and there are none. "
            "Give validation images, or set patience to none."
        )
    device = resolve_device(settings.device)
    key = "" if checkpoint_dir is None else _digest(module, data, validation, settings, device)
    state = TrainingState(module.to(device), settings)
    with _reproducible(device), _threads(settings.threads), kept_pages():
        found = None if checkpoint_dir is None else checkpoint.load(checkpoint_dir, key, settings.epochs)
        if found is not None:
            state.restore(found)
        resumed_from, team = state.epoch, ProcessGroup(module)
        with team.working(module, resumed_from):
            while state.epoch < settings.epochs and not state.out_of_patience():
                began, rate = time.perf_counter(), state.learning_rate
                scores = _run_epoch(state, data, team, on_step)
                val_scores = team.agreed(None if validation is None else evaluate(module, validation))
                state.finish_epoch(scores, val_scores)
                if checkpoint_dir is not None and team.leads:
                    checkpoint.save(checkpoint_dir, key, state.snapshot())
                if on_epoch is not None:
                    val_loss, val_accuracy = val_scores or (None, None)
                    seconds = time.perf_counter() - began
                    on_epoch(EpochLog(state.epoch, settings.epochs, *scores, val_loss, val_accuracy, rate, seconds))
    return TrainedNetwork(
        history=state.history,
        epochs_run=state.epoch,
        stopped_early=state.epoch < settings.epochs,
        best_epoch=state.best_epoch,
        kept_epoch=state.keep_best(),
        resumed_from=resumed_from,
        device=device.type,
        precision=resolve_precision(settings.precision, device),
    )


def predict_logits(module: nn.Module, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, n_classes) float32 logits of (n, height, width, 3) uint8 RGB images; leaves the module in evaluation mode."""
    device = next(module.parameters()).device
    module.eval()
    with without_gradients(device):
        batches = (images[start : start + _EVAL_BATCH] for start in range(0, max(len(images), 1), _EVAL_BATCH))
        return np.concatenate([module(_to_input(batch, device)).cpu().numpy() for batch in batches])


def evaluate(module: nn.Module, data: LabelledImages) -> tuple[float, float]:
    """(mean cross-entropy in nats, accuracy) over images, dropout off; weights count in the loss."""
    logits = torch.from_numpy(predict_logits(module, data.images)).double()
    targets = torch.from_numpy(data.targets)
    losses = functional.cross_entropy(logits, targets, reduction="none").numpy()
    accuracy = float((logits.argmax(dim=1) == targets).double().mean())
    return float(np.average(losses, weights=data.weights)), accuracy


def _run_epoch(state: TrainingState, data: LabelledImages, team: ProcessGroup, on_step: Tick) -> tuple[float, float]:
    """One pass through the images in a fresh order: (loss, accuracy), each image as seen at its step."""
    settings, module, device = state.settings, state.module, state.device
    low = resolve_precision(settings.precision, device) == "bfloat16"
    seed = np.random.SeedSequence([settings.seed, state.epoch]).generate_state(1, np.uint64)
    seed_device(device, int(seed[0]) >> 1)
    order = torch.randperm(len(data)).numpy()
    steps = -(-len(data) // settings.batch_size)
    module.train()
    loss_sum, correct = torch.zeros((), device=device), torch.zeros((), device=device, dtype=torch.int64)
    for step in range(steps):
        share = team.share(order[step * settings.batch_size : (step + 1) * settings.batch_size])
        rows = share.rows
        targets = torch.from_numpy(data.targets[rows]).to(device)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=low):
            logits = team.forward(_to_input(data.images[rows], device))
        logits = logits.float()
        if data.weights is None:
            loss = functional.cross_entropy(logits, targets)
        else:
            losses = functional.cross_entropy(logits, targets, reduction="none")
            loss = (losses * torch.from_numpy(data.weights[rows]).to(device)).mean()
        state.optimiser.zero_grad()
        (loss * share.scale).backward()  # type: ignore[no-untyped-call]  # torch's types lack it
        state.optimiser.step()
        finish_step(device)
        loss_sum += loss.detach() * share.counted
        correct += (logits.detach().argmax(dim=1) == targets)[: share.counted].sum()
        on_step(state.epoch * steps + step + 1, settings.epochs * steps)
    loss_total, right = team.total(loss_sum, correct)
    return loss_total / len(data), right / len(data)


def _to_input(images: NDArray[np.uint8], device: torch.device) -> Tensor:
    """(n, height, width, 3) uint8 -> (n, 3, height, width) float32 in [0, 1]; the view is channels-last already."""
    pixels = torch.from_numpy(np.require(images, requirements=["C", "W"]))
    return pixels.to(device).permute(0, 3, 1, 2).float().div_(255)


@contextmanager
def _threads(wanted: int) -> Iterator[None]:
    """As many threads as the settings ask for (0: torch's own number), and torch's own number afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(wanted or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _reproducible(device: torch.device) -> Iterator[None]:
    """Deterministic kernels, and the caller's random state given back afterwards."""
    on_cuda = device.type == "cuda"
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    with torch.random.fork_rng(devices=[torch.cuda.current_device()] if on_cuda else []):
        if on_cuda:
            # cuBLAS is deterministic only with a workspace of fixed size, and reads this when first used.
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
            torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(before[0], warn_only=before[1])


def _digest(
    module: nn.Module,
    data: LabelledImages,
    validation: LabelledImages | None,
    settings: TrainSettings,
    device: torch.device,
) -> str:
    """Of all that decides how a training goes: initial weights, images, settings, torch. Not of how long it goes."""
    chosen = replace(settings, precision=resolve_precision(settings.precision, device)).causes
    chosen |= {"epochs": None, "device": device.type, "torch": torch.__version__}
    arrays = [tensor.detach().cpu().contiguous().numpy() for tensor in module.state_dict().values()]
    for part in (data, validation):
        if part is not None:
            arrays += [part.images, part.targets, *([] if part.weights is None else [part.weights])]
    texts = [dumps(chosen, sort_keys=True), str(module), *(f"{a.dtype}{a.shape}" for a in arrays)]
    return checkpoint.digest([*(t.encode() for t in texts), *(np.ascontiguousarray(a).data for a in arrays)])
