"""The tree of folders that images lie in -> its levels: which names stand on each, how often, beneath which parents."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from petmood.ingest.words import Kind, is_mood, kind_of, split_of
from petmood.tables import same_name

MOST: Final = 0.8
"""Share of the images that must lie at least as deep as a level for the level to count."""

LOOSE: Final = 0.05
"""Share of images that may lie beside a single folder which is passed through on the way to the data."""


@dataclass(slots=True)
class Folder:
    """A folder: its path from the root of the data, the images directly in it and below it, its subfolders."""

    path: tuple[str, ...]
    direct: int = 0
    total: int = 0
    children: dict[str, Folder] = field(default_factory=dict)

    def walk(self) -> Iterator[Folder]:
        """The folder and all below it."""
        stack = [self]
        while stack:
            folder = stack.pop()
            yield folder
            stack.extend(folder.children.values())


def grow(images: Mapping[tuple[str, ...], int]) -> Folder:
    """The tree of folders.

    Args:
        images: path of a folder -> number of images directly in it.
    """
    root = Folder(())
    for path, n in images.items():
        here = root
        here.total += n
        for depth, name in enumerate(path):
            here = here.children.setdefault(name, Folder(path[: depth + 1]))
            here.total += n
        here.direct += n
    return root


def enter(folder: Folder) -> Folder:
    """The folder where the data begin: through single folders that only wrap the next.

    A single folder called `train`, or after a mood, wraps nothing: it says something of what it holds.
    """
    while len(folder.children) == 1 and folder.direct <= LOOSE * folder.total:
        child = next(iter(folder.children.values()))
        if not child.children or split_of(child.path[-1]) == "train" or is_mood(child.path[-1]):
            return folder
        folder = child
    return folder


@dataclass(frozen=True)
class Levels:
    """The levels of folders above most images.

    Attributes:
        root: where the data begin.
        depth: number of levels.
        at: for each level its folders, those with nothing as deep as the last level left out.
        kinds: what the names of each level may mean.
        beside: folders above the last level that hold images, but none as deep as it.
        ragged: folders of the last level without images of their own, though others have some.
    """

    root: Folder
    depth: int
    at: tuple[tuple[Folder, ...], ...]
    kinds: tuple[Kind, ...]
    beside: tuple[Folder, ...]
    ragged: tuple[Folder, ...]

    @cached_property
    def names(self) -> tuple[tuple[str, ...], ...]:
        """For each level its names, sorted, each once (those that differ by case are one)."""
        base = len(self.root.path)
        found = []
        for k, folders in enumerate(self.at):
            unique = {same_name(f.path[base + k]): f.path[base + k] for f in folders}
            found.append(tuple(unique[key] for key in sorted(unique)))
        return tuple(found)

    def sets(self, inner: int, outer: int) -> dict[str, set[str]]:
        """For each name of one level the names of another that stand below it, or above it."""
        base = len(self.root.path)
        found: dict[str, set[str]] = defaultdict(set)
        for folder in self.at[max(inner, outer)]:
            found[same_name(folder.path[base + outer])].add(same_name(folder.path[base + inner]))
        return found

    def crossed(self, inner: int, outer: int) -> bool:
        """Whether much the same names of one level stand with every name of another."""
        sets = sorted(self.sets(inner, outer).values(), key=len, reverse=True)
        return all(2 * len(names & sets[0]) >= len(names) for names in sets)


def levels_of(root: Folder) -> Levels:
    """Find the levels of a tree."""
    base = len(root.path)
    by_depth: dict[int, int] = defaultdict(int)
    for folder in root.walk():
        by_depth[len(folder.path) - base] += folder.direct
    deepest = max(by_depth)
    depth = max(d for d in range(deepest + 1) if sum(n for k, n in by_depth.items() if k >= d) >= MOST * root.total)
    deep: dict[tuple[str, ...], bool] = {}
    for folder in root.walk():
        if folder.total and len(folder.path) - base == depth:
            for k in range(base, len(folder.path) + 1):
                deep[folder.path[:k]] = True
    at: list[list[Folder]] = [[] for _ in range(depth)]
    beside = []
    for folder in root.walk():
        k = len(folder.path) - base
        if 1 <= k <= depth and folder.total:
            if folder.path in deep:
                at[k - 1].append(folder)
            elif folder.path[:-1] in deep:
                beside.append(folder)
    for folders in at:
        folders.sort(key=lambda f: f.path)
    last = at[-1] if at else []
    ragged = tuple(f for f in last if not f.direct) if any(f.direct for f in last) else ()
    return Levels(
        root,
        depth,
        tuple(map(tuple, at)),
        tuple(kind_of(f.path[-1] for f in folders) for folders in at),
        tuple(sorted(beside, key=lambda f: f.path)),
        ragged,
    )
