"""Another labelled folder -> rows for training folds: classes mapped, whatever resembles our own data left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from petmood import images
from petmood.cache import ContentCache
from petmood.config import ReadOptions
from petmood.errors import ConfigError, DataError
from petmood.progress import Progress, Timed
from petmood.records import Manifest
from petmood.sources import Source, open_source
from petmood.workflows.families import ingest

NEAR = 6
"""Difference hashes of 64 bits that differ in at most so many are taken for the same picture."""

_HASHES = "outside/dhash/v1"


@dataclass(frozen=True)
class Outside:
    """An outside data set, open.

    Attributes:
        manifest: its images that may be used.
        source: where their bytes are.
        labels: (n,) str: their classes in the names of the data set that is evaluated.
        left_out: images left out because they resemble one of it, by path.
    """

    manifest: Manifest
    source: Source
    labels: NDArray[np.str_]
    left_out: tuple[str, ...]


def parse_map(pairs: Sequence[str], option: str = "--map") -> dict[str, str]:
    """`["relaxed=Other"]` -> {"relaxed": "Other"}.

    Raises:
        ConfigError: a pair without "=".
    """
    found = {}
    for pair in pairs:
        theirs, sign, ours = pair.partition("=")
        if not sign or not theirs or not ours:
            wanted = "NAME=BACKBONE, e.g. outside=onnx:FILE" if option == "--use" else "THEIRS=OURS, e.g. relaxed=Other"
            raise ConfigError(f"{option} is '{pair}'; give {wanted}.")
        found[theirs] = ours
    return found


def open_outside(
    path: Path,
    mapping: Mapping[str, str] | None,
    manifest: Manifest,
    source: Source,
    cache: ContentCache,
    progress: Progress,
    *,
    families: str = "names",
) -> Outside:
    """Read an outside data set and leave out all that is, or looks like, an image of the evaluated one.

    Args:
        path: folder or .zip with class folders.
        mapping: its class names -> ours; a name that differs in case alone needs no entry. None keeps its own names.
        manifest: the data set that is evaluated: every image of it, whatever its split.
        source: where its bytes are.
        cache: keeps hashes.
        progress: where to show it.
        families: how its families are found; what only joins training folds needs no look at pixels.

    Raises:
        ConfigError: a class that is neither ours nor mapped to one of ours.
        DataError: nothing is left.
    """
    theirs = open_source(path)
    found = ingest(theirs, cache, Timed(progress), mode=families, options=ReadOptions()).manifest
    names = (
        {name: name for name in found.classes} if mapping is None else _names(found, mapping, manifest.classes, path)
    )
    used, left = _without_ours(path, found, theirs, manifest, source, cache, progress)
    return Outside(used, theirs, np.array([names[r.class_name] for r in used.records]), left)


def open_unlabelled(path: Path, manifest: Manifest, source: Source, cache: ContentCache, progress: Progress) -> Outside:
    """Read a folder of images whatever labels it has, and leave out all that is, or looks like, an evaluated one.

    Args as for `open_outside`; the labels of what is returned are empty.

    Raises:
        DataError: there are no images, or nothing is left.
    """
    theirs = open_source(path)
    found = ingest(theirs, cache, Timed(progress), mode="names", labelled=False, options=ReadOptions()).manifest
    used, left = _without_ours(path, found, theirs, manifest, source, cache, progress)
    return Outside(used, theirs, np.full(len(used), ""), left)


def _without_ours(
    path: Path,
    found: Manifest,
    theirs: Source,
    manifest: Manifest,
    source: Source,
    cache: ContentCache,
    progress: Progress,
) -> tuple[Manifest, tuple[str, ...]]:
    """What of `found` is not, and does not look like, an image of the manifest; and the paths of what is or does."""
    with progress.stage("Looking for outside images among ours") as tick:
        near = resembling(_hashes(found, theirs, cache, tick), _hashes(manifest, source, cache))
    same = near | np.isin(found.sha256s(), manifest.sha256s())
    if same.all():
        raise DataError(f"every image of {path} is also in the data to be evaluated; outside images must be others.")
    left = tuple(found.records[i].path for i in np.flatnonzero(same))
    return replace(found, records=tuple(found.records[i] for i in np.flatnonzero(~same))), left


def _names(found: Manifest, mapping: Mapping[str, str], ours: tuple[str, ...], path: Path) -> dict[str, str]:
    by_case = {name.casefold(): name for name in ours}
    wanted = {theirs.casefold(): own for theirs, own in mapping.items()}
    names = {}
    for theirs in found.classes:
        target = by_case.get(wanted.get(theirs.casefold(), theirs).casefold())
        if target is None:
            raise ConfigError(
                f"class '{theirs}' of {path.name} is none of {', '.join(ours)}. Map it, e.g. --map {theirs}={ours[0]}."
            )
        names[theirs] = target
    return names


def difference_hashes(pixels: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """(2,) uint64: the 64-bit difference hash of (9, 9, 3) uint8 pixels and that of their mirror image."""
    grey = pixels.astype(np.float64).mean(axis=2)[:8]
    bits = [grey[:, :-1] < grey[:, 1:], grey[:, ::-1][:, :-1] < grey[:, ::-1][:, 1:]]
    return np.array([int("".join("1" if b else "0" for b in part.ravel()), 2) for part in bits], dtype=np.uint64)


def resembling(theirs: NDArray[np.uint64], own: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """(n,) bool: whose hash, mirrored or not, is within `NEAR` bits of one of (m, 2) `own`; theirs is (n, 2)."""
    near = np.zeros(len(theirs), dtype=bool)
    for start in range(0, len(theirs), 512):
        differ = theirs[start : start + 512, 0, np.newaxis] ^ own.ravel()[np.newaxis]
        near[start : start + 512] = (np.bitwise_count(differ) <= NEAR).any(axis=1)
    return near


def _hashes(manifest: Manifest, source: Source, cache: ContentCache, tick: object = None) -> NDArray[np.uint64]:
    known = cache.get_many(_HASHES, manifest.sha256s())
    fresh: dict[str, bytes] = {}
    for done, record in enumerate(manifest.records, 1):
        if record.sha256 not in known:
            pixels = images.decode(source.read(record.path, images.MAX_FILE_BYTES), 9)
            fresh[record.sha256] = known[record.sha256] = difference_hashes(pixels).tobytes()
        if callable(tick):
            tick(done, len(manifest))
    cache.put_many(_HASHES, fresh)
    return np.stack([np.frombuffer(known[r.sha256], dtype=np.uint64) for r in manifest.records])
