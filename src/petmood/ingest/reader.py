"""A source in any layout -> Manifest: what is accepted, rejected and ignored, and who is family."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Final, TypeVar

from petmood import images
from petmood.cache import ContentCache
from petmood.config import ReadOptions, reading_options
from petmood.errors import DataError, ImageError
from petmood.escaping import one_line
from petmood.images.video import clip_of, is_video_name
from petmood.ingest.arrange import arrange, warnings_of
from petmood.ingest.layout import Layout, Placed, counts, offered_animals
from petmood.ingest.names import Named, families_by_name
from petmood.progress import Tick, silent
from petmood.records import SPLITS, ImageRecord, Manifest, SkippedFile
from petmood.sources import Source
from petmood.tables import same_name

_BATCH: Final = 256
_PIECE: Final = 8
_NO_UNICODE: Final = "its name is not Unicode"
_HALVES: Final = re.compile("[\\ud800-\\udfff]")
_PROBES = f"probe/v{images.DECODE_VERSION}"
_LINK: Final = "a link to a folder, which is not followed"
_ARCHIVES: Final = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".rar", ".7z")
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
    progress: Tick = silent,
    options: ReadOptions | None = None,
    tell: Callable[[str], None] | None = None,
) -> Manifest:
    """Find the images of a data set, check that each decodes, and tell families apart by their names.

    Args:
        source: the files.
        cache: remembers by content which files decode, so that a second run decodes none.
        labelled: whether classes are required; if False, images without any are accepted too.
        progress: called with (files checked, files to check).
        options: how the user says that the data are to be read; else the options in force.
        tell: called with how the data are read, and with each note, before any file is decoded.

    Returns:
        A manifest in which accepted + rejected + ignored = found; each annotated part of a picture counts as a file.
        Where the data has no split, every record's split is "" until `petmood.split.complete_splits` makes them.

    Raises:
        DataError: no images, no classes, one class only, no usable image in a class, or no sure reading.
        ConfigError: a faulty option.
    """
    names = source.names()
    ignored: list[SkippedFile] = []
    candidates: list[str] = []
    links = [name for name in source.linked_folders() if why_ignored(f"{name}/a.jpg") == ""]
    ignored += [SkippedFile(name, _LINK) for name in links]
    for name in names:
        reason = why_ignored(name)
        if reason:
            ignored.append(SkippedFile(one_line(name) if reason == _NO_UNICODE else name, reason))
        else:
            candidates.append(name)
    if not candidates:
        tables = any(name.lower().endswith(".parquet") for name in names)
        unread = " ".join(_unread_notes(links, names))
        raise DataError(
            f"no images found in {source.location} ({len(names)} files, none with an image extension). "
            + ("Parquet files are read where they have a column of images' bytes, in a folder, not in a zip. " * tables)
            + (f"{unread} " if unread else "")
            + "Give a folder that holds one folder of images for each class."
        )
    layout = arrange(source, names, candidates, labelled=labelled, options=options or reading_options())
    offered = offered_animals(layout.placed) if layout.classes else (0, "")
    notes = (
        *warnings_of(source, candidates),
        *layout.notes,
        *_empty_note(source, names, layout),
        *_unread_notes(links, names),
        *_species_note(layout),
        *_animals_note(layout),
    )
    notes += _offer(*offered)
    if tell:
        for line in (_summary(layout), *notes):
            tell(line)
    ignored.extend(layout.ignored)
    probed = list(_probe_all(source, layout.placed, cache, progress))
    rejected = [SkippedFile(p.placed.path, p.reason) for p in probed if p.info is None]
    accepted = [p for p in probed if p.info is not None]
    if not accepted:
        raise DataError(f"none of the {len(probed)} images in {source.location} can be used: {rejected[0].reason}.")
    classes = _check_classes(layout, accepted, rejected, source) if labelled or layout.classes else ()
    return Manifest(
        name=source.name,
        layout=layout.text,
        classes=classes,
        records=_records(accepted),
        rejected=tuple(rejected),
        ignored=tuple(sorted(ignored, key=lambda skipped: skipped.path)),
        official_splits=any(p.placed.split for p in accepted),
        family_source="names",
        found=len(ignored) + len(probed),
        notes=notes,
        animals_offered=offered,
    )


def _offer(n: int, option: str) -> tuple[str, ...]:
    if not n:
        return ()
    return (f"{n:,} folders or names look like single animals; to keep the photos of each together, give {option}.",)


def _empty_note(source: Source, names: Iterable[str], layout: Layout) -> tuple[str, ...]:
    """Which folders stand where others have a class, and hold no image: copying or unpacking may have lost them."""
    pattern = layout.text.split("/")
    if "{class}" not in pattern[:-1]:
        return ()
    depth = pattern.index("{class}") + 1
    # images that are left out, by --exclude for one, are images
    known = chain((p.path for p in layout.placed), (skipped.path for skipped in layout.ignored))
    used = {tuple(path.split("/")[:depth]) for path in known}
    folders = {tuple(name.split("/")[:depth]) for name in names if name.count("/") >= depth}
    folders |= {tuple(name.split("/")) for name in source.empty_folders()}
    roots = {parts[:-1] for parts in used}
    bare = sorted(
        "/".join(parts)
        for parts in folders - used
        if len(parts) == depth and parts[:-1] in roots and not why_ignored(f"{'/'.join(parts)}/a.jpg")
    )
    if not bare:
        return ()
    what = ("a folder", "has") if len(bare) == 1 else (f"{len(bare):,} folders", "have")
    return (f"{what[0]} beside those of the classes {what[1]} no images: {_some(bare)}.",)


def _unread_notes(links: Sequence[str], names: Iterable[str]) -> tuple[str, ...]:
    """What may hold images but is not looked into: a class may be missing because of it."""
    found = []
    if links:
        what = "link to a folder is" if len(links) == 1 else "links to folders are"
        found.append(
            f"{len(links):,} {what} not followed: {_some(links)}. Put the folder itself there, or give the one "
            "that the link leads to."
        )
    archives = [name for name in names if name.lower().endswith(_ARCHIVES) and why_ignored(name) != "hidden file"]
    if archives:
        what = "archive among the files is" if len(archives) == 1 else "archives among the files are"
        found.append(f"{len(archives):,} {what} not read: {_some(archives)}. Unpack what belongs to the data.")
    return tuple(found)


def _some(names: Sequence[str]) -> str:
    return ", ".join(f"'{one_line(name)}'" for name in names[:5]) + (", ..." if len(names) > 5 else "")


def _species_note(layout: Layout) -> tuple[str, ...]:
    without = [p.path for p in layout.placed if not p.species]
    if not without or len(without) == len(layout.placed):
        return ()
    n, total = len(without), len(layout.placed)
    return (f"{n:,} of {total:,} images have no species, the first '{without[0]}': those of the others are not used.",)


def _animals_note(layout: Layout) -> tuple[str, ...]:
    """Names of animals of which two are likely one: photos of one animal would stand on both sides of a split."""
    alike: dict[str, set[str]] = {}
    for name in {p.animal for p in layout.placed} - {""}:
        alike.setdefault(same_name(name), set()).add(name)
    pairs = sorted(sorted(names) for names in alike.values() if len(names) > 1)
    if not pairs:
        return ()
    (first, second, *_), n = pairs[0], len(pairs)
    what = "1 animal has names that differ" if n == 1 else f"{n:,} animals have names that differ"
    return (f"{what} by case alone, such as '{first}' and '{second}': they are kept apart as if they were two.",)


def _summary(layout: Layout) -> str:
    """How the data are about to be read: `read as {split}/{class}/*: 3 splits, 4 classes, 48 images`."""
    return f"read as {layout.text}: {', '.join([*counts(layout), f'{len(layout.placed):,} images'])}"


def why_ignored(name: str) -> str:
    """Why a file is no candidate, by its name alone; "" if it is one."""
    # tables, Parquet and JSON hold no other names, and what the bytes meant cannot be told
    if not name.isascii() and _HALVES.search(name):
        return _NO_UNICODE
    # plain text work: a path object for each of a million files takes longer than all the rest
    if name.startswith((".", "__MACOSX/")) or "/." in name or "/__MACOSX/" in name:
        return "hidden file"
    file = name.rpartition("/")[2].lower()
    if file in _JUNK:
        return "system file"
    suffix = f".{file.rpartition('.')[2]}" if "." in file.removesuffix(".") else ""
    if suffix not in images.EXTENSIONS and not is_video_name(file) and not clip_of(file):
        return f"not an image ({suffix or 'no extension'})"
    return ""


def _probe_all(source: Source, placed: Iterable[Placed], cache: ContentCache, progress: Tick) -> Iterable[_Probed]:
    todo = list(placed)
    with ThreadPoolExecutor(2) as pool:
        for start in range(0, len(todo), _BATCH):
            part = todo[start : start + _BATCH]
            # bytes are held for one batch at a time, and only for files the cache does not know
            loaded = list(_in_pieces(pool, partial(_load, source), part))
            known = cache.get_many(_PROBES, [sha for sha, _, _ in loaded if sha])
            verdicts = list(_in_pieces(pool, partial(_verdict, known), loaded))
            cache.put_many(
                _PROBES,
                {sha: text for (sha, _, _), text in zip(loaded, verdicts, strict=True) if sha and sha not in known},
            )
            for item, (sha, data, reason), text in zip(part, loaded, verdicts, strict=True):
                facts = json.loads(text) if text else {"reason": reason}
                if "reason" in facts:
                    yield _Probed(item, sha, len(data), None, facts["reason"])
                else:
                    yield _Probed(
                        item, sha, len(data), images.ImageInfo(**facts | {"notes": tuple(facts["notes"])}), ""
                    )
            progress(min(start + _BATCH, len(todo)), len(todo))


_Item = TypeVar("_Item")
_Made = TypeVar("_Made")


def _in_pieces(pool: ThreadPoolExecutor, work: Callable[[_Item], _Made], items: Sequence[_Item]) -> Iterator[_Made]:
    """`work` of each item, in order, `_PIECE` of them to a task: a task each would cost as much as a small picture."""

    def piece(start: int) -> list[_Made]:
        return [work(item) for item in items[start : start + _PIECE]]

    for made in pool.map(piece, range(0, len(items), _PIECE)):
        yield from made


def _load(source: Source, placed: Placed) -> tuple[str, bytes, str]:
    try:
        data = source.read(placed.path, images.MAX_FILE_BYTES)
    except ImageError as error:
        return "", b"", str(error)
    return hashlib.sha256(data).hexdigest(), data, ""


def _verdict(known: dict[str, bytes], item: tuple[str, bytes, str]) -> bytes:
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


def _notes(path: str, info: images.ImageInfo) -> tuple[str, ...]:
    return (*info.notes, *((images.MISNAMED,) if images.is_misnamed(path, info.format) else ()))


def _check_classes(
    layout: Layout, accepted: list[_Probed], rejected: list[SkippedFile], source: Source
) -> tuple[str, ...]:
    found = {p.placed.class_name for p in accepted}
    for name in layout.classes:
        if name not in found:
            raise DataError(
                f"class '{name}' in {source.location} has no usable image ({len(rejected)} files rejected, the first "
                f"because: {rejected[0].reason}). Add images or go on without it: --exclude '{name}'."
            )
    if len(layout.classes) < 2:
        raise DataError(
            f"only one class, '{layout.classes[0]}', found in {source.location}; telling moods apart needs 2 or more. "
            "Give the folder above the class folders."
        )
    by_split: dict[str, set[str]] = {}
    for p in accepted:
        by_split.setdefault(p.placed.split, set()).add(p.placed.class_name)
    for split in ("test", "valid"):
        for name in sorted(by_split.get(split, set()) - by_split.get("train", found)):
            n = sum(p.placed.split == split and p.placed.class_name == name for p in accepted)
            raise DataError(
                f"class '{name}' stands in {split} ({n} {'image' if n == 1 else 'images'}) but not in train, so that "
                f"nothing can be learned of it. Add images to train, or go on without it: --exclude '{name}'."
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
                species=item.placed.species,
                animal=item.placed.animal,
                fold=item.placed.fold,
                notes=_notes(item.placed.path, item.info),
            )
        )
    order = {split: i for i, split in enumerate(("", *SPLITS))}
    rows.sort(key=lambda r: (order[r.split], r.class_name.casefold(), r.path))
    return tuple(rows)
