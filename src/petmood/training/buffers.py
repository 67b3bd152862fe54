"""Large buffers that a training frees and asks for again each step -> the same pages each time, not fresh ones."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

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
