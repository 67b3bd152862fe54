"""What all processes of one test session share: it is made by one of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from filelock import FileLock


def once(folder: Path, make: Callable[[Path], object]) -> Path:
    """The folder, made by the first process that asks for it; the others wait."""
    done = folder.with_name(f"{folder.name}-is-made")
    with FileLock(folder.with_name(f"{folder.name}.lock")):
        if not done.exists():
            make(folder)
            done.touch()
    return folder
