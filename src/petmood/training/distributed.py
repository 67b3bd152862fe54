"""Processes that torchrun started -> one training: each takes its share of every batch, and the sums are one process's.

A batch is split, not multiplied: the loss and the gradients are those of one process at the same global batch. To that
end dropout draws one mask for the whole batch, of which each process takes its rows, and batch normalisation adds up
the sums of all processes (torch's own SyncBatchNorm is for CUDA alone).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

from petmood.errors import ModelError
from petmood.records import IntArray
from petmood.training.modules import DenseBatchNorm

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Share:
    """One process's part of a batch.

    Attributes:
        rows: the images to run; never none, since all processes must take part in every step.
        counted: how many of them count: all, or 0 where the batch has fewer rows than there are processes.
        scale: what to multiply the mean loss of `rows` by, so that the average of all gradients is the batch's.
    """

    rows: IntArray
    counted: int
    scale: float


class ProcessGroup:
    """The processes of one training; one process alone is a team as well, which changes nothing.

    Attributes:
        forward: the module to call in training.
        rank: of this process, from 0.
        size: number of processes.
    """

    def __init__(self, module: nn.Module) -> None:
        joined = dist.is_available() and dist.is_initialized()
        self.rank, self.size = (dist.get_rank(), dist.get_world_size()) if joined else (0, 1)
        self.forward: Callable[[Tensor], Tensor] = module
        self._batch = 0

    @property
    def leads(self) -> bool:
        """Whether this process writes and tells."""
        return self.rank == 0

    def share(self, rows: IntArray) -> Share:
        """This process's part of a batch."""
        if self.size == 1:
            return Share(rows, len(rows), 1.0)
        self._batch = len(rows)
        mine = rows[self.rank :: self.size]
        if not len(mine):
            return Share(rows[:1], 0, 0.0)
        return Share(mine, len(mine), self.size * len(mine) / len(rows))

    def total(self, *values: Tensor) -> tuple[float, ...]:
        """Sums over all processes, the same in each."""
        if self.size > 1:
            for value in values:
                dist.all_reduce(value)
        return tuple(float(value) for value in values)

    def agreed(self, value: _Value) -> _Value:
        """The leading process's value, so that all decide alike."""
        return agreed(value)

    @contextmanager
    def working(self, module: nn.Module, epoch: int) -> Iterator[None]:
        """While it lasts, `forward` and the layers of the module work on shares of batches.

        Raises:
            ModelError: the processes do not stand at the same epoch, since they do not see the same checkpoints.
        """
        if self.size == 1:
            yield
            return
        if self.agreed(epoch) != epoch:
            raise ModelError("processes resume from different epochs: PETMOOD_CACHE must be on a disk that all share.")
        changed = [
            layer for layer in module.modules() if isinstance(layer, nn.Dropout | nn.modules.batchnorm._BatchNorm)
        ]
        for layer in changed:
            work = self._dropped if isinstance(layer, nn.Dropout) else self._normalised
            layer.__dict__["forward"] = partial(work, layer)
        self.forward = DistributedDataParallel(module, broadcast_buffers=False)
        try:
            yield
        finally:
            self.forward = module
            for layer in changed:
                del layer.__dict__["forward"]

    def _dropped(self, layer: Any, x: Tensor) -> Tensor:
        if not layer.training:
            return x
        mask = functional.dropout(torch.ones(self._batch, *x.shape[1:], device=x.device), layer.p)
        return x * mask[self.rank :: self.size] if self.rank < self._batch else x * mask[:1]

    def _normalised(self, layer: Any, x: Tensor) -> Tensor:
        if not layer.training:
            normal: Tensor = type(layer).forward(layer, x)
            return normal
        # a process without rows of its own takes part with none
        own = (x if self.rank < self._batch else x[:0]).float()
        axes = [axis for axis in range(x.ndim) if axis != 1]
        count = self._batch * (x[0, 0].numel() if x.ndim > 2 else 1)
        shape = [1, -1] + [1] * (x.ndim - 2)
        mean: Tensor = all_reduce(own.sum(axes)) / count  # type: ignore[no-untyped-call]
        apart = (own - mean.view(shape)).square().sum(axes)
        variance: Tensor = all_reduce(apart) / count  # type: ignore[no-untyped-call]
        # as one process does: torch's own layers correct the moving variance, Keras' dense layer does not
        kept = variance if isinstance(layer, DenseBatchNorm) else variance * count / max(count - 1, 1)
        with torch.no_grad():
            layer.running_mean.lerp_(mean, layer.momentum)
            layer.running_var.lerp_(kept, layer.momentum)
            if not isinstance(layer, DenseBatchNorm):
                layer.num_batches_tracked += 1
        scaled = (x - mean.view(shape)) * torch.rsqrt(variance + layer.eps).view(shape)
        made: Tensor = scaled * layer.weight.view(shape) + layer.bias.view(shape)
        return made


def agreed(value: _Value) -> _Value:
    """The first process's value in every process; it must be made of numbers, booleans, None and tuples."""
    if not dist.is_initialized():
        return value
    device = torch.device("cuda") if dist.get_backend() == "nccl" else torch.device("cpu")
    text = torch.tensor(list(json.dumps(value).encode()), dtype=torch.uint8, device=device)
    length = torch.tensor(len(text), device=device)
    dist.broadcast(length, src=0)
    text = text if dist.get_rank() == 0 else torch.empty(int(length), dtype=torch.uint8, device=device)
    dist.broadcast(text, src=0)
    got: Any = json.loads(bytes(text.tolist()))
    said: Any = tuple(got) if isinstance(got, list) else got
    return cast(_Value, said)


def join() -> None:
    """Join the processes that torchrun started with this one."""
    if not dist.is_initialized():
        # gloo runs wherever there is a processor; NCCL needs a GPU for each process
        own_gpu = torch.cuda.device_count() >= int(os.environ.get("LOCAL_WORLD_SIZE", "1")) > 0
        if own_gpu and torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        dist.init_process_group("nccl" if own_gpu and torch.cuda.is_available() else "gloo")


def leave() -> None:
    """Leave them; what follows is this process's own."""
    if dist.is_initialized():
        dist.destroy_process_group()
