"""File names -> which layout a data set has, and the split and class of each image in it; by names alone."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from petmood.errors import DataError
from petmood.records import SkippedFile

SPLIT_ALIASES: Final = {
    "train": "train",
    "training": "train",
    "val": "valid",
    "valid": "valid",
    "validation": "valid",
    "dev": "valid",
    "test": "test",
    "testing": "test",
}


@dataclass(frozen=True, slots=True)
class Placed:
    """An image's place in the data set: its path, canonical split ("" if none) and canonical class ("" if none)."""

    path: str
    split: str
    class_name: str


@dataclass(frozen=True, slots=True)
class Layout:
    """A layout found: "split/class", "class" or "flat"; its classes in display order; what lies outside it."""

    kind: str
    classes: tuple[str, ...]
    placed: tuple[Placed, ...]
    ignored: tuple[SkippedFile, ...]


def find_layout(names: Sequence[str], *, labelled: bool, where: str) -> Layout:
    """Tell the layout of a data set from the paths of its images.

    `split/class/*` wins wherever its split folders lie (as in the Kaggle archive, whose `Master Folder` holds them and
    whose mirrored class folders beside it are not part of the data); else `class/*`; else, unlabelled, all images.

    Args:
        names: POSIX paths of candidate images, sorted.
        labelled: whether classes are required.
        where: the data's location, for messages.

    Raises:
        DataError: two data sets side by side, or no class folders where classes are required.
    """
    parts = [PurePosixPath(name).parts for name in names]
    root = _split_root(parts, where)
    if root is not None:
        return _split_class(names, parts, root)
    root = _class_root(parts)
    if root is not None:
        return _class_only(names, parts, root)
    if labelled:
        raise DataError(
            f"no class folders found in {where}: all {len(names)} images lie in one folder. Put the images of each "
            "class into a folder named after it."
        )
    return Layout("flat", (), tuple(Placed(name, "", "") for name in names), ())


def _split_root(parts: list[tuple[str, ...]], where: str) -> tuple[str, ...] | None:
    """The folder that holds the split folders: the shallowest one with images at root/split/class/..., or None."""
    roots: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for path in parts:
        for depth in range(len(path) - 2):
            if path[depth].casefold() in SPLIT_ALIASES:
                roots[path[:depth]].add(SPLIT_ALIASES[path[depth].casefold()])
                break
    # a lone 'train' is a split only if something is held out beside it; a class may be called 'test' only by accident
    usable = [root for root, splits in roots.items() if "train" in splits]
    if not usable:
        return None
    depth = min(len(root) for root in usable)
    shallow = sorted(root for root in usable if len(root) == depth)
    if len(shallow) > 1:
        listed = ", ".join("/".join(root) or "." for root in shallow[:4])
        raise DataError(f"{where} holds {len(shallow)} data sets ({listed}). Give one of them.")
    return shallow[0]


def _split_class(names: Sequence[str], parts: list[tuple[str, ...]], root: tuple[str, ...]) -> Layout:
    depth = len(root)
    inside: list[tuple[str, str, str]] = []
    ignored = []
    shown = "/".join(root) or "."
    for name, path in zip(names, parts, strict=True):
        split = SPLIT_ALIASES.get(path[depth].casefold()) if path[:depth] == root and len(path) > depth else None
        if split is None:
            ignored.append(SkippedFile(name, f"outside the split folders of '{shown}'"))
        elif len(path) < depth + 3:
            ignored.append(SkippedFile(name, "in a split folder but in no class folder"))
        else:
            inside.append((name, split, path[depth + 1]))
    spelling, classes = canonical_classes([raw for _, _, raw in inside])
    placed = tuple(Placed(name, split, spelling[raw]) for name, split, raw in inside)
    return Layout("split/class", classes, placed, tuple(ignored))


def _class_root(parts: list[tuple[str, ...]]) -> tuple[str, ...] | None:
    """The folder whose folders are the classes: descend while a single folder holds everything."""
    root: tuple[str, ...] = ()
    while True:
        children = {path[len(root)] for path in parts if len(path) > len(root) + 1}
        loose = any(len(path) == len(root) + 1 for path in parts)
        if not children:
            return None
        deeper = any(len(path) > len(root) + 2 for path in parts)
        if len(children) > 1 or loose or not deeper:
            return root
        root = (*root, children.pop())


def _class_only(names: Sequence[str], parts: list[tuple[str, ...]], root: tuple[str, ...]) -> Layout:
    depth = len(root)
    inside = [(name, path[depth]) for name, path in zip(names, parts, strict=True) if len(path) > depth + 1]
    held = {name for name, _ in inside}
    ignored = tuple(SkippedFile(name, "in no class folder") for name in names if name not in held)
    spelling, classes = canonical_classes([raw for _, raw in inside])
    return Layout("class", classes, tuple(Placed(name, "", spelling[raw]) for name, raw in inside), ignored)


def canonical_classes(raw: Sequence[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Merge spellings of one class that differ only by case (or Unicode form).

    Args:
        raw: the class folder's name for each image.

    Returns:
        A map from each raw spelling to the canonical one (the most frequent; among equals the first by sorting), and
        the canonical names sorted without regard to case.
    """
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    for name in raw:
        groups[unicodedata.normalize("NFC", name).casefold()][unicodedata.normalize("NFC", name)] += 1
    chosen = {key: min(counts, key=lambda s: (-counts[s], s)) for key, counts in groups.items()}
    spelling = {name: chosen[unicodedata.normalize("NFC", name).casefold()] for name in set(raw)}
    return spelling, tuple(chosen[key] for key in sorted(chosen))
