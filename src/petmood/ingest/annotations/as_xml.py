"""Annotations as XML: CVAT and Pascal VOC."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import PurePosixPath
from typing import Final
from xml.etree import ElementTree

from petmood.errors import DataError
from petmood.ingest.annotations.files import ExportFiles, Item, KindReader, around, box_of, corners_of, turned
from petmood.ingest.words import split_of
from petmood.sources.crop import CropBox

LOOK: Final = 20
"""XML files that are looked into to see what they are."""


def _items(
    tag: str, read: Callable[[ExportFiles, str, ElementTree.Element], Iterator[Item]], files: ExportFiles
) -> Iterator[Item] | None:
    """The items of all files whose root has this tag; None if none of the first has: they may be too many to read."""
    heads = (files.xml(name)[:4096] for name in files.ending(".xml")[:LOOK])
    if not any(f"<{tag}>" in head or f"<{tag} " in head for head in heads):
        return None
    return chain.from_iterable(read(files, name, root) for name, root in _xml(files, tag))


def _xml(files: ExportFiles, tag: str) -> Iterator[tuple[str, ElementTree.Element]]:
    for name in files.ending(".xml"):
        text = files.xml(name)
        head = text[:4096]
        if f"<{tag}" not in head:
            continue
        if "<!ENTITY" in text or "<!DOCTYPE" in head:
            raise DataError(f"{name} has a document type of its own, which annotation tools do not write. Remove it.")
        try:
            root = ElementTree.fromstring(text)
        except ElementTree.ParseError as error:
            raise DataError(f"{name} is not readable XML ({error}). Fix it.") from error
        if root.tag == tag:
            yield name, root


def _cvat(files: ExportFiles, name: str, root: ElementTree.Element) -> Iterator[Item]:
    if root.find("track") is not None:
        raise DataError(f"{name} has tracks of a video, which are not read. Export it as CVAT for images.")
    attribute = _cvat_attribute(name, root)
    for image in root.iter("image"):
        picture = files.index.find(image.get("name", ""), name.rpartition("/")[0])
        if not picture:
            continue
        split = split_of(image.get("subset", ""))
        where = f"{name}, '{picture}'"
        for shape in image:
            said = [a.text or "" for a in shape.iter("attribute") if a.get("name") == attribute]
            label = "".join(said[:1]).strip() if attribute else shape.get("label", "")
            if label:
                yield Item(picture, label, None if shape.tag == "tag" else _cvat_box(shape, where), split)


def _cvat_attribute(name: str, root: ElementTree.Element) -> str:
    """The attribute that says what labels do not, as where all are `face`; "" if the labels are the classes.

    Raises:
        DataError: both may be.
    """
    labels = {shape.get("label", "") for image in root.iter("image") for shape in image} - {""}
    values: dict[str, set[str]] = defaultdict(set)
    for attribute in root.iter("attribute"):
        if attribute.get("name") and (text := (attribute.text or "").strip()):
            values[attribute.get("name", "")].add(text)
    telling = [
        key
        for key, texts in sorted(values.items())
        if len(texts) > 1 and not texts <= {"true", "false"} and not all(map(str.isdigit, texts))
    ]
    if len(telling) == 1 and len(labels) == 1:
        return telling[0]
    if telling:
        raise DataError(
            f"{name}: labels ({', '.join(sorted(labels)[:4])}) and attributes ({', '.join(telling[:4])}) may say the "
            "class. Export one of them, or give a table with --table."
        )
    return ""


def _cvat_box(shape: ElementTree.Element, where: str) -> CropBox:
    def numbers(*keys: str) -> list[float]:
        try:
            return [float(shape.get(key, "nan")) for key in keys]
        except ValueError as error:
            raise DataError(f"{where}: a {shape.tag} is not made of numbers. Fix the file.") from error

    turn = numbers("rotation")[0] if shape.get("rotation") else 0.0
    if shape.tag == "box":
        x, y, right, bottom = numbers("xtl", "ytl", "xbr", "ybr")
        box = box_of((x, y, right - x, bottom - y), where)
    elif shape.tag == "ellipse":
        x, y, rx, ry = numbers("cx", "cy", "rx", "ry")
        box = box_of((x - rx, y - ry, 2 * rx, 2 * ry), where)
    elif shape.tag == "mask":
        box = box_of(numbers("left", "top", "width", "height"), where)
    elif shape.tag == "polygon":
        pairs = [pair.split(",") for pair in shape.get("points", "").split(";") if pair]
        try:
            box = around([(float(x), float(y)) for x, y in pairs], where)
        except ValueError as error:
            raise DataError(f"{where}: a polygon is not made of numbers. Fix the file.") from error
    else:
        raise DataError(f"{where}: a {shape.tag} is not read. Use tags, boxes, polygons, ellipses or masks.")
    if not turn:
        return box
    centre = (box.x + box.width / 2, box.y + box.height / 2)
    return around(turned(corners_of(box.x, box.y, box.width, box.height), centre, turn), where)


def _voc(files: ExportFiles, name: str, root: ElementTree.Element) -> Iterator[Item]:
    stem = PurePosixPath(name).stem
    folder = name.rpartition("/")[0]
    beside = folder.rpartition("/")[0]
    places = (folder, f"{beside}/JPEGImages".lstrip("/"), "")
    named, called = (
        next(filter(None, (files.index.find(text, place) for place in places)), "") if text else ""
        for text in (root.findtext("filename", "").strip(), stem)
    )
    if named and called and named != called:
        # either may be stale: files are renamed, and contents copied
        raise DataError(
            f"{name} names '{named}' inside, but is called after '{called}', and both are there. Make the two the same."
        )
    picture = named or called
    for thing in root.iter("object") if picture else ():
        box = thing.find("bndbox")
        if box is None:
            raise DataError(f"{name}: an object has no bndbox. Fix the file.")
        corners = box_of((box.findtext(key, "") for key in ("xmin", "ymin", "xmax", "ymax")), name)
        found = replace(corners, width=corners.width - corners.x, height=corners.height - corners.y)
        yield Item(picture, thing.findtext("name", "").strip(), found, files.voc_splits.get(stem, ""))


KINDS: Final[Mapping[str, KindReader]] = {
    "CVAT": partial(_items, "annotations", _cvat),
    "Pascal VOC": partial(_items, "annotation", _voc),
}
