"""The device of a setting -> torch's, and the few things that differ between devices: CUDA, TPU (XLA), MPS, CPU."""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final, Literal

import torch

from petmood.errors import ConfigError
from petmood.training.settings import Precision


def resolve_device(name: str) -> torch.device:
    """The torch device of a setting; "auto" takes CUDA, else a TPU, else Apple's MPS, else the CPU.

    "xla" is PyTorch/XLA's device: a TPU where the machine has one, else whatever XLA finds.

    Raises:
        ConfigError: there is no such device.
    """
    present = {
        "cuda": torch.cuda.is_available(),
        "xla": importlib.util.find_spec("torch_xla") is not None,
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(device for device, is_there in present.items() if is_there)
    if not present.get(name):
        lacking = "PyTorch/XLA is not installed" if name == "xla" else f"torch {torch.__version__} does not find it"
        raise ConfigError(f"device '{name}' is not there: {lacking}. Use auto or cpu.")
    if name == "xla":
        found: torch.device = _xla().device()
        return found
    return torch.device(name)


def _xla() -> Any:
    # no dependency of petmood's: which of its builds fits is a matter of the machine
    return importlib.import_module("torch_xla")


def seed_device(device: torch.device, seed: int) -> None:
    """Seed torch, and what draws random numbers on the device by itself."""
    torch.manual_seed(seed)
    if device.type == "xla":
        _xla().manual_seed(seed)


def finish_step(device: torch.device) -> None:
    """Say that a step is complete: XLA collects operations until then, and compiles and runs them together."""
    if device.type == "xla":
        _xla().sync()


def without_gradients(device: torch.device) -> AbstractContextManager[None]:
    """Inference mode, or what comes nearest: XLA's tensors cannot be made in inference mode."""
    return torch.no_grad() if device.type == "xla" else torch.inference_mode()


def resolve_precision(name: Precision, device: torch.device) -> Literal["float32", "bfloat16"]:
    """Of the products of a training step; "auto" takes bfloat16 where the device multiplies it by itself."""
    if name == "auto":
        return "bfloat16" if _multiplies_bfloat16(device) else "float32"
    return name


def _multiplies_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu" or not hasattr(torch.cpu, "get_capabilities"):
        return False
    found = dict(torch.cpu.get_capabilities())
    return bool(found.get("avx512_bf16") or found.get("amx_bf16"))


# The numbers and defaults of glibc's <malloc.h>.
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
_MMAP_MAX: Final = -4
_LARGEST: Final = 2**31 - 1
_MMAPS: Final = 65_536
_DEFAULT_THRESHOLD: Final = 32 * 2**20


@contextmanager
def kept_pages() -> Iterator[None]:
    """Let this process keep what it frees, and give it back to the system at the end.

    glibc maps every large buffer anew and unmaps it when it is freed, so that each step pays for zeroed pages: a fifth
    of a step of the study's CNN 1. Other C libraries are left as they are.
    """
    libc = None if os.name == "nt" else ctypes.CDLL(None)
    if libc is None or not hasattr(libc, "mallopt") or not hasattr(libc, "malloc_trim"):
        yield
        return
    libc.mallopt(_MMAP_MAX, 0)
    libc.mallopt(_TRIM_THRESHOLD, _LARGEST)
    try:
        yield
    finally:
        libc.mallopt(_MMAP_MAX, _MMAPS)
        libc.mallopt(_MMAP_THRESHOLD, _DEFAULT_THRESHOLD)
        libc.mallopt(_TRIM_THRESHOLD, 2 * _DEFAULT_THRESHOLD)
        libc.malloc_trim(0)
