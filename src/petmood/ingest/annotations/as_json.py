"""Annotations as JSON: COCO, Label Studio and CreateML."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import chain
from pathlib import PurePosixPath
from typing import Any, Final

from petmood.errors import DataError
from petmood.ingest.annotations.files import ExportFiles, Item, KindReader, around, box_of, corners_of, turned
from petmood.ingest.words import split_of
from petmood.sources.crop import CropBox


def _items(
    is_kind: Callable[[Any], bool], read: Callable[[ExportFiles, str, Any], Iterator[Item]], files: ExportFiles
) -> Iterator[Item] | None:
    found = [(name, data) for name, data in files.json if is_kind(data)]
    return chain.from_iterable(read(files, name, data) for name, data in found) if found else None


# COCO


def _coco(files: ExportFiles, name: str, data: dict[str, Any]) -> Iterator[Item]:
    folder = name.rpartition("/")[0]
    split = split_of(PurePosixPath(name).stem) or split_of(PurePosixPath(folder).name)
    labels: dict[str, str] = {}  # by text: some tools write the same numbers as text in one place, not in the other
    for category in data["categories"]:
        if labels.setdefault(str(category["id"]), str(category["name"])) != str(category["name"]):
            raise DataError(f"{name}: two categories have the number {category['id']}. Fix one of them.")
    pictures = {str(image["id"]): files.index.find(str(image["file_name"]), folder) for image in data["images"]}
    for row in data["annotations"]:
        picture = pictures.get(str(row.get("image_id")), "")
        if not picture or row.get("iscrowd"):  # a crowd is no one animal
            continue
        if str(row.get("category_id")) not in labels:
            raise DataError(f"{name}: an annotation has the unknown category {row.get('category_id')!r}.")
        box = _coco_box(row, f"{name}, annotation {row.get('id')}")
        yield Item(picture, labels[str(row["category_id"])], box, split)


def _coco_box(row: Mapping[str, Any], where: str) -> CropBox | None:
    """The box of an annotation, else that of its polygons; None if it is of the whole picture."""
    if row.get("bbox"):
        return box_of(row["bbox"], where)
    outline = row.get("segmentation")
    if isinstance(outline, dict):
        raise DataError(f"{where}: a mask without a bbox. Export it with boxes.")
    points = [value for polygon in outline or () for value in polygon]
    return around(list(zip(points[::2], points[1::2], strict=False)), where) if points else None


# Label Studio


def _is_studio(data: Any) -> bool:
    first = data[0] if isinstance(data, list) and data else None
    return isinstance(first, dict) and ("data" in first or ("image" in first and _createml_rows(first) is None))


def _studio(files: ExportFiles, name: str, tasks: list[dict[str, Any]]) -> Iterator[Item]:
    for task in tasks:
        data = task.get("data", task)
        texts = [value for value in data.values() if isinstance(value, str)]
        picture = next(filter(None, map(files.index.find, texts)), "")
        if not picture:
            continue
        if "data" not in task:  # the short form: {"image": ..., "choice": "happy"}
            label = task.get("choice") or task.get("choices")
            if isinstance(label, str):
                yield Item(picture, label)
            continue
        answers = task.get("annotations") or task.get("completions") or ()
        done = [a for a in answers if not a.get("was_cancelled")]
        # of several people's answers the last stands, as in the tool's own short export
        for result in done[-1].get("result", []) if done else []:
            yield from _label_studio_result(name, picture, result)


def _label_studio_result(where: str, picture: str, result: Mapping[str, Any]) -> Iterator[Item]:
    value, kind = result.get("value", {}), result.get("type", "")
    labels = value.get(kind) if kind else None
    if not labels or not isinstance(labels, list):
        return
    if len(labels) > 1:
        raise DataError(f"{where} gives '{picture}' several labels ({', '.join(map(str, labels))}). Keep one of them.")
    if kind not in _STUDIO:
        raise DataError(f"{where} has {kind}, which are not read. Export choices, rectangles, ellipses or polygons.")
    yield Item(picture, str(labels[0]), _STUDIO[kind](value, result, where))


def _studio_rectangle(value: Mapping[str, Any], result: Mapping[str, Any], where: str) -> CropBox:
    box = box_of((value.get(key) for key in ("x", "y", "width", "height")), where, percent=True)
    if not value.get("rotation"):
        return box
    # it turns about its left upper corner, in pixels
    sx, sy = (result.get(key, 100) / 100 for key in ("original_width", "original_height"))
    corners = corners_of(box.x * sx, box.y * sy, box.width * sx, box.height * sy)
    corners = turned(corners, corners[0], float(value["rotation"]))
    return around([(x / sx, y / sy) for x, y in corners], where, percent=True)


def _studio_ellipse(value: Mapping[str, Any], _: Mapping[str, Any], where: str) -> CropBox:
    x, y, rx, ry = (value.get(key, math.nan) for key in ("x", "y", "radiusX", "radiusY"))
    return box_of((x - rx, y - ry, 2 * rx, 2 * ry), where, percent=True)


_STUDIO: Final[Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any], str], CropBox | None]]] = {
    "choices": lambda value, result, where: None,
    "rectanglelabels": _studio_rectangle,
    "ellipselabels": _studio_ellipse,
    "polygonlabels": lambda value, _, where: around([(x, y) for x, y in value["points"]], where, percent=True),
}


# CreateML


def _createml_rows(entry: Mapping[str, Any]) -> list[Any] | None:
    rows = entry.get("annotations", entry.get("annotation"))
    named = isinstance(entry.get("image", entry.get("imagefilename")), str) and "data" not in entry
    return rows if named and isinstance(rows, list) else None


def _is_createml(data: Any) -> bool:
    first = data[0] if isinstance(data, list) and data else None
    return isinstance(first, dict) and _createml_rows(first) is not None


def _createml(files: ExportFiles, name: str, entries: list[dict[str, Any]]) -> Iterator[Item]:
    folder = name.rpartition("/")[0]
    for entry in entries:
        picture = files.index.find(entry.get("image") or entry.get("imagefilename") or "", folder)
        for row in (_createml_rows(entry) or ()) if picture else ():
            where = f"{name}, '{picture}'"
            at = row.get("coordinates")
            x, y, width, height = ((at or {}).get(key, math.nan) for key in ("x", "y", "width", "height"))
            box = box_of((x - width / 2, y - height / 2, width, height), where) if at else None
            yield Item(picture, str(row.get("label", "")), box)


KINDS: Final[Mapping[str, KindReader]] = {
    "COCO": partial(
        _items, lambda d: isinstance(d, dict) and {"images", "annotations", "categories"} <= d.keys(), _coco
    ),
    "Label Studio": partial(_items, _is_studio, _studio),
    "CreateML": partial(_items, _is_createml, _createml),
}
