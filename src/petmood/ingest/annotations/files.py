"""What every kind of annotations is read with: the files of a data set, items, and boxes around what they mark."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any, Final

from petmood.errors import DataError, ImageError
from petmood.given import parse_json
from petmood.ingest.finder import Index
from petmood.ingest.words import split_of
from petmood.sources import Source
from petmood.sources.crop import CropBox
from petmood.tables import decoded

MAX_BYTES: Final = 2 * 2**30
"""The largest annotation file that is read."""


@dataclass(frozen=True, slots=True)
class Item:
    """A labelled picture, or a labelled box of one; `picture` is its name in the source.

    Without a `split` it has that which its folders name, if any.
    """

    picture: str
    label: str
    box: CropBox | None = None
    split: str = ""


def box_of(values: Iterable[object], where: str, *, percent: bool = False) -> CropBox:
    """A box from its left upper corner and its size.

    Raises:
        DataError: they are not four finite numbers.
    """
    try:
        x, y, width, height = (float(value) for value in values)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise DataError(f"{where}: a box is not four numbers. Fix the file.") from error
    if not all(map(math.isfinite, (x, y, width, height))):
        raise DataError(f"{where}: a box has a corner that is not a number. Fix the file.")
    return CropBox(x, y, width, height, percent)


Point = tuple[float, float]


def around(points: Sequence[Point], where: str, *, percent: bool = False) -> CropBox:
    """The box around some points."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    if not xs:
        raise DataError(f"{where}: a shape has no points. Fix the file.")
    return box_of((min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)), where, percent=percent)


def turned(corners: Sequence[Point], centre: Point, degrees: float) -> list[Point]:
    """Points turned clockwise about another."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    cx, cy = centre
    return [(cx + (x - cx) * cos - (y - cy) * sin, cy + (x - cx) * sin + (y - cy) * cos) for x, y in corners]


def corners_of(x: float, y: float, width: float, height: float) -> list[Point]:
    """Of an upright box, by its left upper corner and its size."""
    return [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]


@dataclass(frozen=True)
class ExportFiles:
    """The files of a source, and how to find the pictures that an annotation means."""

    source: Source
    names: Sequence[str]
    candidates: Sequence[str]

    @cached_property
    def index(self) -> Index:
        """Finds a picture by what an annotation calls it; made when the first annotation is met."""
        return Index(self.candidates)

    @cached_property
    def pictures(self) -> frozenset[str]:
        """Names of the pictures."""
        return frozenset(self.candidates)

    def text(self, name: str) -> str:
        """Text of a file."""
        try:
            return decoded(self.source.read(name, MAX_BYTES), name)
        except ImageError as error:
            raise DataError(f"{name} cannot be read ({error}).") from error

    def xml(self, name: str) -> str:
        """Text of an XML file without the line that says its encoding."""
        try:
            data = self.source.read(name, MAX_BYTES)
        except ImageError as error:
            raise DataError(f"{name} cannot be read ({error}).") from error
        said = re.match(rb"""\s*<\?xml[^>]*?encoding=["']([\w.-]+)["']""", data)
        try:
            text = data.decode(said[1].decode()) if said else decoded(data, name)
        except (LookupError, UnicodeError) as error:
            raise DataError(f"{name} is not in the encoding that it names ({error}). Save it as UTF-8.") from error
        return re.sub(r"^\s*<\?xml[^>]*\?>", "", text)

    @cached_property
    def json(self) -> list[tuple[str, Any]]:
        """(name, content) of each JSON file that looks like annotations; read once for all kinds."""
        found = []
        for name in self.ending(".json"):
            text = self.text(name)
            if re.search(r'"(annotations?|completions|choices?)"', text):
                try:
                    found.append((name, parse_json(text)))
                except ValueError as error:
                    raise DataError(f"{name} looks like annotations but is not JSON ({error}). Fix it.") from error
        return found

    @cached_property
    def voc_splits(self) -> dict[str, str]:
        """Stem of a picture -> split, from ImageSets/Main/train.txt and its like; nothing where one stands in two."""
        found: dict[str, str] = {}
        seen: Counter[str] = Counter()
        for name in self.ending(".txt"):
            path = PurePosixPath(name)
            split = split_of(path.stem) if "ImageSets" in path.parts and path.stem in ("train", "val", "test") else ""
            for line in self.text(name).splitlines() if split else ():
                if line.strip():
                    found[line.split()[0]] = split
                    seen[line.split()[0]] += 1
        return found if all(n == 1 for n in seen.values()) else {}

    def ending(self, *suffixes: str) -> list[str]:
        """Names of files with some endings."""
        return [name for name in self.names if name.lower().endswith(suffixes)]


KindReader = Callable[[ExportFiles], Iterator[Item] | None]
"""Reads the items of all files of one kind; None where there is none of the kind."""
