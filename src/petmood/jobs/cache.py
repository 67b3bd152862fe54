"""`petmood cache`: what the cache folder holds, and how it is made smaller."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path
from typing import Final

from petmood.cache import CacheUse, cache_dir, open_cache
from petmood.errors import ConfigError

CHECKPOINTS: Final = "training"
_FOLDERS: Final = {"backbones": "graphs of backbones", CHECKPOINTS: "checkpoints of trainings"}
_SECONDS: Final = {"h": 3600, "d": 86_400, "w": 7 * 86_400}


def list_cache() -> list[CacheUse]:
    """What the cache folder holds, largest kind first; versions and weights of one kind are added up."""
    kinds: dict[str, CacheUse] = {}
    rows = [(_kind(u.name), u.entries, u.size_bytes, u.last_used) for u in open_cache().namespaces()]
    for name in _FOLDERS:
        files = [path.stat() for path in (cache_dir() / name).rglob("*") if path.is_file()]
        if files:
            rows.append((name, len(files), sum(f.st_size for f in files), max(f.st_mtime for f in files)))
    for name, entries, size, used in rows:
        before = kinds.get(name, CacheUse(name, 0, 0, 0.0))
        kinds[name] = CacheUse(name, before.entries + entries, before.size_bytes + size, max(before.last_used, used))
    return sorted(kinds.values(), key=lambda kind: (-kind.size_bytes, kind.name))


def _kind(namespace: str) -> str:
    """A namespace without the digests, versions and settings that tell one use of a kind from another."""
    kept = []
    for part in namespace.split("/"):
        if re.fullmatch(r"[0-9a-f]{16}|v?\d+|\{.*", part):
            continue
        kept.append(part)
    return "/".join(kept) or namespace


def prune_cache(*, max_bytes: int | None = None, older_than: float | None = None, everything: bool = False) -> int:
    """Make the cache smaller. Returns bytes dropped.

    Graphs of backbones stay: exporting them anew may need what is not installed.

    Args:
        max_bytes: what may remain in the database; the least recently used goes first.
        older_than: drop what was not used for so many seconds, checkpoints included.
        everything: drop all values and checkpoints.

    Raises:
        ConfigError: nothing was asked for.
    """
    if max_bytes is None and older_than is None and not everything:
        raise ConfigError("cache prune needs to know how far: give --max-size, --older-than or --all.")
    before = time.time() - (0.0 if everything else older_than if older_than is not None else float("inf"))
    dropped = open_cache().prune(
        max_bytes=0 if everything else max_bytes, unused_since=before if older_than is not None else None
    )
    for folder in sorted((cache_dir() / CHECKPOINTS).glob("*")):
        dropped += _remove_before(folder, before)
    for damaged in sorted(cache_dir().glob("*.damaged-*")):
        dropped += _remove_before(damaged, before)
    return dropped


def _remove_before(path: Path, moment: float) -> int:
    files = [path, *path.rglob("*")] if path.is_dir() else [path]
    sizes = [file.stat() for file in files if file.is_file()]
    if max((s.st_mtime for s in sizes), default=path.stat().st_mtime) >= moment:
        return 0
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    return sum(s.st_size for s in sizes)


def parse_age(text: str) -> float:
    """Seconds of an age such as 12h, 30d or 8w.

    Raises:
        ConfigError: it is no age.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([hdw])", text.strip().lower())
    if found is None:
        raise ConfigError(f"'{text}' is no age. Write it like 12h, 30d or 8w.")
    return float(found[1]) * _SECONDS[found[2]]
