"""File names and digests -> families: which files derive from one photo, as far as names and bytes can tell."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from petmood.images.video import clip_of
from petmood.records import picture_of

AUGMENTED: Final = re.compile(r"^aug-\d+-(?P<parent>.+)$", re.IGNORECASE)
"""Offline augmentations: `aug-<k>-<parent>`."""

ROBOFLOW: Final = re.compile(
    r"^(?P<parent>.+?)(?:_(?:jpe?g|png|webp|bmp|gif|tiff?))?\.rf\.[0-9a-f]{8,}$", re.IGNORECASE
)
"""Roboflow's exports: `<name>_jpg.rf.<hash>`; every export of one upload shares its name."""


@dataclass(frozen=True, slots=True)
class Named:
    """What families can be told from: path, class, split ("" if none) and content digest of one image."""

    path: str
    class_name: str
    split: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Member:
    """One image's family, and whether it is derived from another image of it."""

    family: str
    derived: bool


@dataclass(frozen=True, slots=True)
class _Parsed:
    stem: str
    augmented: bool
    exported: bool


def _parse(path: str) -> _Parsed:
    file = picture_of(path).rpartition("/")[2]
    stem, augmented, exported = file.rpartition(".")[0] or file, False, False
    while True:
        if match := ROBOFLOW.match(stem):
            exported = True
        elif match := AUGMENTED.match(stem):
            augmented = True
        else:
            return _Parsed(stem, augmented, exported)
        stem = match["parent"]


def families_by_name(items: Sequence[Named]) -> list[Member]:
    """Group images into families by `aug-<k>-<parent>` and Roboflow names, within a class, and by equal bytes.

    A derived file belongs to the original of that name in its own folder, else in its split, else (if there is just
    one) anywhere in its class; derived files without an original are a family of their own. Originals that merely
    share a file name in different folders are different photos. Files with equal bytes are one family whatever their
    class, and so are the annotated parts of one picture.

    Args:
        items: images in a stable order.

    Returns:
        One member an image, in the same order.
    """
    parsed = [_parse(item.path) for item in items]
    ids: list[str] = [""] * len(items)
    originals: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i, (item, name) in enumerate(zip(items, parsed, strict=True)):
        if name.exported:
            # all exports of an upload share its name, whichever split Roboflow drew them into
            ids[i] = f"{item.class_name}/{name.stem}"
        elif not name.augmented:
            clip = clip_of(item.path)
            ids[i] = clip[0] if clip else picture_of(item.path)  # all frames of a clip are one photo
            originals[item.class_name, name.stem].append(i)
    for i, (item, name) in enumerate(zip(items, parsed, strict=True)):
        if name.augmented and not name.exported:
            parent = _parent(item, items, originals.get((item.class_name, name.stem), []))
            ids[i] = ids[parent] if parent is not None else f"{item.class_name}/{name.stem} (original missing)"
    return _merge(items, ids, [name.augmented for name in parsed])


def _parent(child: Named, items: Sequence[Named], candidates: Sequence[int]) -> int | None:
    folder = child.path.rpartition("/")[0]
    same_folder = [i for i in candidates if items[i].path.rpartition("/")[0] == folder]
    same_split = [i for i in candidates if items[i].split == child.split]
    for group in (same_folder, same_split, candidates):
        if len({picture_of(items[i].path) for i in group}) == 1 or (group and group is same_folder):
            return group[0]
    return None


def _merge(items: Sequence[Named], ids: list[str], augmented: list[bool]) -> list[Member]:
    """Join families with equal bytes, or with parts of one picture."""
    together: dict[str, list[str]] = defaultdict(list)
    for item, family in zip(items, ids, strict=True):
        together[item.sha256].append(family)
        if picture_of(item.path) != item.path:
            together[f"picture {picture_of(item.path)}"].append(family)
    root: dict[str, str] = {}

    def find(name: str) -> str:
        while root.get(name, name) != name:
            name = root[name]
        return name

    for group in together.values():
        first = find(group[0])
        for other in group[1:]:
            second = find(other)
            # the smaller name stands for the union, so that the result does not depend on order
            first, second = sorted((first, second))
            root[second] = first
    final = [find(family) for family in ids]
    seen: set[str] = {family for family, copy in zip(final, augmented, strict=True) if not copy}
    original_taken: set[str] = set()
    members = []
    for family, copy in zip(final, augmented, strict=True):
        # in a family without a plain original (or with several copies of one), the first file stands for the photo
        is_original = (not copy if family in seen else True) and family not in original_taken
        if is_original:
            original_taken.add(family)
        members.append(Member(family, not is_original))
    return members


def names_tell(paths: Iterable[str]) -> bool:
    """Whether any name says of itself that it was made from another file, or is a part of a picture."""
    return any(picture_of(path) != path or (name := _parse(path)).augmented or name.exported for path in paths)
