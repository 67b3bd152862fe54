"""A folder or archive in any known layout -> Manifest: what is accepted, rejected and ignored, and who is family."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import PurePosixPath

from petmood import images
from petmood.cache import ContentCache
from petmood.errors import DataError, ImageError
from petmood.ingest.layout import Layout, Placed, find_layout
from petmood.ingest.names import Named, families_by_name
from petmood.records import SPLITS, ImageRecord, Manifest, SkippedFile
from petmood.sources import Source

Progress = Callable[[int, int], None]
"""Called with (done, total) as work advances."""

_BATCH = 256
_PROBES = f"probe/v{images.DECODE_VERSION}"
_JUNK = {"thumbs.db", "desktop.ini", "ehthumbs.db", "icon\r"}


@dataclass(frozen=True, slots=True)
class _Probed:
    """One candidate after reading: its digest and what the decoder says, or why it is rejected."""

    placed: Placed
    sha256: str
    size_bytes: int
    info: images.ImageInfo | None
    reason: str


def read_dataset(
    source: Source,
    cache: ContentCache,
    *,
    labelled: bool = True,
    progress: Progress | None = None,
    workers: int = 2,
) -> Manifest:
    """Find the images of a data set, check that each decodes, and tell families apart by their names.

    Args:
        source: the folder or archive.
        cache: remembers by content which files decode, so that a second run decodes none.
        labelled: whether classes are required; if False, a flat folder of images is accepted too.
        progress: called with (files checked, files to check).
        workers: threads that read and decode.

    Returns:
        A manifest in which accepted + rejected + ignored = found. Where the data has no split folders, every record's
        split is "" until `petmood.split.complete_splits` makes them.

    Raises:
        DataError: no images, no classes, one class only, or no usable image in a class.
    """
    names = source.names()
    ignored: list[SkippedFile] = []
    candidates: list[str] = []
    for name in names:
        reason = why_ignored(name)
        if reason:
            ignored.append(SkippedFile(name, reason))
        else:
            candidates.append(name)
    if not candidates:
        raise DataError(
            f"no images found in {source.location} ({len(names)} files, none with an image extension). "
            "Give a folder that holds one folder of images for each class."
        )
    layout = find_layout(candidates, labelled=labelled, where=str(source.location))
    ignored.extend(layout.ignored)
    probed = list(_probe_all(source, layout.placed, cache, progress, workers))
    rejected = [SkippedFile(p.placed.path, p.reason) for p in probed if p.info is None]
    accepted = [p for p in probed if p.info is not None]
    if not accepted:
        raise DataError(f"none of the {len(probed)} images in {source.location} can be used: {rejected[0].reason}.")
    classes = _check_classes(layout, accepted, rejected, source) if labelled or layout.kind != "flat" else ()
    return Manifest(
        name=source.name,
        layout=layout.kind,
        classes=classes,
        records=_records(accepted),
        rejected=tuple(rejected),
        ignored=tuple(sorted(ignored, key=lambda skipped: skipped.path)),
        official_splits=layout.kind == "split/class",
        family_source="names",
        found=len(names),
    )


def why_ignored(name: str) -> str:
    """Why a file is no candidate, by its name alone; "" if it is one."""
    path = PurePosixPath(name)
    if any(part.startswith(".") or part == "__MACOSX" for part in path.parts):
        return "hidden file"
    if path.name.lower() in _JUNK:
        return "system file"
    if path.suffix.lower() not in images.EXTENSIONS:
        return f"not an image ({path.suffix.lower() or 'no extension'})"
    return ""


def _probe_all(
    source: Source, placed: Iterable[Placed], cache: ContentCache, progress: Progress | None, workers: int
) -> Iterable[_Probed]:
    todo = list(placed)
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(todo), _BATCH):
            part = todo[start : start + _BATCH]
            # bytes are held for one batch at a time, and only for files the cache does not know
            loaded = list(pool.map(lambda p: _load(source, p), part))
            known = cache.get_many(_PROBES, [sha for sha, _, _ in loaded if sha])
            verdicts = list(pool.map(_verdict, loaded, repeat(known)))
            cache.put_many(
                _PROBES,
                {sha: text for (sha, _, _), text in zip(loaded, verdicts, strict=True) if sha and sha not in known},
            )
            for item, (sha, data, reason), text in zip(part, loaded, verdicts, strict=True):
                facts = json.loads(text) if text else {"reason": reason}
                if "reason" in facts:
                    yield _Probed(item, sha, len(data), None, facts["reason"])
                else:
                    yield _Probed(item, sha, len(data), images.ImageInfo(**facts), "")
            if progress:
                progress(min(start + _BATCH, len(todo)), len(todo))


def _load(source: Source, placed: Placed) -> tuple[str, bytes, str]:
    try:
        data = source.read(placed.path, images.MAX_FILE_BYTES)
    except ImageError as error:
        return "", b"", str(error)
    return hashlib.sha256(data).hexdigest(), data, ""


def _verdict(item: tuple[str, bytes, str], known: dict[str, bytes]) -> bytes:
    """JSON of the decoder's verdict on one file's bytes; b"" where it could not be read at all."""
    sha, data, _ = item
    if not sha:
        return b""
    if sha in known:
        return known[sha]
    try:
        info = images.probe(data)
    except ImageError as error:
        return json.dumps({"reason": str(error)}).encode()
    return json.dumps({name: getattr(info, name) for name in info.__slots__}).encode()


def _check_classes(
    layout: Layout, accepted: list[_Probed], rejected: list[SkippedFile], source: Source
) -> tuple[str, ...]:
    found = {p.placed.class_name for p in accepted}
    for name in layout.classes:
        if name not in found:
            raise DataError(
                f"class '{name}' in {source.location} has no usable image ({len(rejected)} files rejected, the first "
                f"because: {rejected[0].reason}). Add images or remove the folder."
            )
    if len(layout.classes) < 2:
        raise DataError(
            f"only one class, '{layout.classes[0]}', found in {source.location}; telling moods apart needs 2 or more. "
            "Give the folder above the class folders."
        )
    return layout.classes


def _records(accepted: list[_Probed]) -> tuple[ImageRecord, ...]:
    members = families_by_name([Named(p.placed.path, p.placed.class_name, p.placed.split, p.sha256) for p in accepted])
    rows = []
    for item, member in zip(accepted, members, strict=True):
        assert item.info is not None
        rows.append(
            ImageRecord(
                path=item.placed.path,
                class_name=item.placed.class_name,
                split=item.placed.split,
                family=member.family,
                derived=member.derived,
                sha256=item.sha256,
                width=item.info.width,
                height=item.info.height,
                format=item.info.format,
                size_bytes=item.size_bytes,
                mode=item.info.mode,
                reoriented=item.info.reoriented,
            )
        )
    order = {split: i for i, split in enumerate(("", *SPLITS))}
    rows.sort(key=lambda r: (order[r.split], r.class_name.casefold(), r.path))
    return tuple(rows)
