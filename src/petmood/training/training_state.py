"""A training as it stands between epochs: scores go in; best weights and snapshots come out."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from petmood.errors import ModelError
from petmood.results import Epochs
from petmood.training.checkpoint import Checkpoint
from petmood.training.settings import TrainSettings


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
