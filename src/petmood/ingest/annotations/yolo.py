"""YOLO: a file of boxes or polygons for each picture, classes by number; pictures lie beside it or under `images`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import PurePosixPath
from typing import Final

from petmood.errors import DataError
from petmood.images import EXTENSIONS
from petmood.ingest.annotations.files import ExportFiles, Item, around, box_of
from petmood.ingest.words import split_of
from petmood.sources.crop import CropBox

_CLASS_LISTS: Final = ("classes.txt", "obj.names", "_darknet.labels")
"""Files that name the classes, a line each, where there is no data.yaml."""


def yolo(files: ExportFiles) -> Iterator[Item] | None:
    """The items of labels in this format; None if there are none."""
    configs = [
        name
        for name in files.ending(".yaml", ".yml")
        if "names" in (text := files.text(name)) and re.search(r"(?m)^\s*(train|val|nc|path)\s*:", text)
    ]
    lists = [] if configs else [n for n in files.ending(*_CLASS_LISTS) if PurePosixPath(n).name.lower() in _CLASS_LISTS]
    if not configs and not lists:
        return None
    labels = [(name, picture) for name in files.ending(".txt") if (picture := _yolo_picture(files, name))]
    if not labels:
        return None
    if len(configs) > 1:
        raise DataError(f"several YOLO descriptions: {', '.join(configs[:4])}. Keep one.")
    if lists:
        named = {tuple(line.strip() for line in files.text(name).splitlines() if line.strip()) for name in lists}
        if len(named) > 1:
            raise DataError(f"the classes in {', '.join(lists[:4])} differ. Keep one of them, for all labels.")
        return _yolo_items(files, dict(enumerate(named.pop())), False, labels)
    names, keypoints = _yolo_names(files.text(configs[0]), configs[0])
    return _yolo_items(files, names, keypoints, labels)


def _yolo_picture(files: ExportFiles, name: str) -> str:
    """The picture of a file of labels: .../images/train/a.jpg has .../labels/train/a.txt, or a.txt beside it."""
    path = PurePosixPath(name)
    if path.name.lower() in _CLASS_LISTS:
        return ""
    parts = list(path.parts)
    if "labels" in parts[:-1]:
        parts[len(parts) - 1 - parts[::-1].index("labels")] = "images"
        return files.index.find(str(PurePosixPath(*parts).with_suffix("")), str(PurePosixPath(*parts[:-1])))
    beside = (f"{name[:-4]}{ending}" for known in EXTENSIONS for ending in (known, known.upper()))
    return next((path for path in beside if path in files.pictures), "")


def _yolo_names(text: str, where: str) -> tuple[dict[int, str], bool]:
    """Number -> class, from the key `names` of a data.yaml (a list or a mapping); whether boxes have keypoints."""
    import yaml

    try:
        described = yaml.load(text, Loader=yaml.BaseLoader)  # texts alone: a class `no` is not False
        names = described.get("names")
    except (yaml.YAMLError, AttributeError, ValueError, RecursionError) as error:
        raise DataError(f"{where} is not readable YAML. Fix it.") from error
    keypoints = "kpt_shape" in described
    if isinstance(names, list):
        names = dict(enumerate(names))
    # names that are lists of aliases of lists would be texts without end
    if isinstance(names, dict) and all(
        str(key).isdecimal() and isinstance(name, str | int | float) for key, name in names.items()
    ):
        return {int(key): str(name) for key, name in names.items()}, keypoints
    raise DataError(f"{where} lists no classes under 'names', as a list or by number. Fix it.")


def _yolo_items(
    files: ExportFiles, names: Mapping[int, str], keypoints: bool, labels: Sequence[tuple[str, str]]
) -> Iterator[Item]:
    listed = _yolo_splits(files, {name for name, _ in labels})
    for name, picture in labels:
        for number, line in enumerate(files.text(name).splitlines(), start=1):
            values = line.split()
            if not values:
                continue
            try:
                label = names[_whole(values[0])]
                box = _yolo_box([float(value) for value in values[1:]], keypoints, f"{name}, line {number}")
            except (ValueError, KeyError) as error:
                raise DataError(
                    f"{name}, line {number}: '{line[:60]}' is neither a box nor a polygon of a known class."
                ) from error
            yield Item(picture, label, box, listed.get(picture, ""))


def _whole(text: str) -> int:
    """The number of a class, which some tools write as `2.0`; ValueError for any other that is not whole."""
    number = float(text)
    if not number.is_integer():
        raise ValueError("not the number of a class")
    return int(number)


def _yolo_splits(files: ExportFiles, labels: Set[str]) -> dict[str, str]:
    """Picture -> split, from lists of pictures in train.txt and its like; nothing where one stands in two."""
    found: dict[str, str] = {}
    for name in files.ending(".txt"):
        split = "" if name in labels else split_of(PurePosixPath(name).stem)  # labels are read once, as labels
        lines = [line.strip() for line in files.text(name).splitlines()] if split else []
        folder = name.rpartition("/")[0]
        for picture in filter(None, (files.index.find(line, folder) for line in lines if line)):
            if found.setdefault(picture, split) != split:
                return {}
    return found


def _yolo_box(values: Sequence[float], keypoints: bool, where: str) -> CropBox:
    """Centre and size, perhaps with keypoints behind them, or the corners of a polygon, as shares of the picture."""
    if len(values) in (4, 5) or (keypoints and len(values) > 5):  # a fifth is a confidence
        x, y, width, height = values[:4]
        found = box_of((100 * (x - width / 2), 100 * (y - height / 2), 100 * width, 100 * height), where, percent=True)
    elif len(values) < 6 or len(values) % 2:
        raise ValueError("neither a box nor a polygon")
    else:
        shares = [100 * value for value in values]
        found = around(list(zip(shares[::2], shares[1::2], strict=True)), where, percent=True)
    if found.width > MOST_PERCENT or found.height > MOST_PERCENT:
        raise DataError(f"{where}: a box larger than its picture; they are shares of it, not pixels. Fix the file.")
    return found


MOST_PERCENT: Final = 150
"""Boxes larger than that are given in something else than shares of the picture."""
