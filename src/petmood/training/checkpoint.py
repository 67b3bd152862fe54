"""Keeps the state of a training in a folder after each epoch, and gives it back to the same training only.

The folder holds `checkpoint.json` (what, how far, the curves) and one safetensors file that it names. The JSON is
replaced last, so that at every moment, also after `kill -9`, it names a complete file.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import safetensors
import safetensors.torch
from torch import Tensor

from petmood.errors import DataError
from petmood.results import Epochs
from petmood.store import atomic_path, read_json, write_json

FORMAT: Final = 1
"""Raise it when the meaning of a checkpoint's content changes: older ones are then not resumed."""

_INDEX: Final = "checkpoint.json"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checkpoint:
    """A training after some epochs.

    Attributes:
        history: its curves so far; their length is the number of epochs done.
        tensors: name -> tensor: weights, the optimiser's state, and the best weights where they are to be restored.
    """

    history: Epochs
    tensors: dict[str, Tensor]

    @property
    def epoch(self) -> int:
        """Number of epochs done."""
        return len(self.history.loss)


def digest(parts: Iterable[bytes | memoryview]) -> str:
    """Hexadecimal SHA-256 of all that decides how a training goes, part by part."""
    total = hashlib.sha256(f"checkpoint {FORMAT}".encode())
    for part in parts:
        total.update(hashlib.sha256(part).digest())
    return total.hexdigest()


def save(folder: Path, key: str, checkpoint: Checkpoint) -> None:
    """Replace the folder's checkpoint; `key` is the digest of the training it belongs to."""
    # The digest in the name keeps another training in the same folder from replacing a file that the JSON still names.
    name = f"epoch-{checkpoint.epoch:04d}-{key[:12]}.safetensors"
    for leftover in folder.glob(".epoch-*.part"):
        leftover.unlink()
    with atomic_path(folder / name) as temporary:
        tensors = {label: tensor.detach().cpu().contiguous() for label, tensor in checkpoint.tensors.items()}
        safetensors.torch.save_file(tensors, temporary)
    index = {
        "format": FORMAT,
        "digest": key,
        "epoch": checkpoint.epoch,
        "tensors": name,
        "history": checkpoint.history.model_dump(mode="json"),
    }
    write_json(folder / _INDEX, index)
    for old in folder.glob("epoch-*.safetensors"):
        if old.name != name:
            old.unlink()


def load(folder: Path, key: str, max_epoch: int) -> Checkpoint | None:
    """The folder's checkpoint if it belongs to the training `key` and is not past `max_epoch`; else None.

    A checkpoint that is there but cannot be used is named in a warning of the log, with the reason.
    """
    if not (folder / _INDEX).exists():
        return None
    try:
        index: Any = read_json(folder / _INDEX)
        if index["format"] != FORMAT or index["digest"] != key:
            reason = "it belongs to other data, settings or network"
        elif index["epoch"] > max_epoch:
            reason = f"it is at epoch {index['epoch']}, past the {max_epoch} asked for"
        else:
            tensors = safetensors.torch.load_file(folder / index["tensors"])
            return Checkpoint(Epochs.model_validate(index["history"]), tensors)
    except (DataError, OSError, KeyError, TypeError, ValueError, safetensors.SafetensorError) as error:
        reason = f"it is damaged ({error})"
    _log.warning("not resuming from the checkpoint in %s: %s. Training starts over.", folder, reason)
    return None
