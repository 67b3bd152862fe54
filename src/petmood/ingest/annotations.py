"""Exports of annotation tools among the files of a data set -> the items they make: labelled pictures or parts of them.

Read are YOLO (`data.yaml` with boxes or polygons), COCO, Pascal VOC, Label Studio and CVAT. Each box is an item of its
own, named by its picture and a media fragment; all items of one picture are one family.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import unquote
from xml.etree import ElementTree

from petmood.errors import DataError, ImageError
from petmood.given import parse_json
from petmood.ingest.layout import Layout, Placed, canonical_classes
from petmood.ingest.table import Index
from petmood.ingest.words import split_of
from petmood.records import SkippedFile, picture_of
from petmood.sources import Source
from petmood.sources.crop import Box
from petmood.tables import decoded

MAX_BYTES: Final = 2 * 2**30
"""The largest annotation file that is read."""

LOOK: Final = 20
"""XML files that are looked into to see what they are."""


@dataclass(frozen=True, slots=True)
class Item:
    """A labelled picture, or a labelled box of one; `picture` is its name in the source."""

    picture: str
    label: str
    box: Box | None = None
    split: str = ""


@dataclass(frozen=True)
class _Files:
    """The files of a source, and how to find the pictures that an annotation means."""

    source: Source
    names: Sequence[str]
    index: Index

    def text(self, name: str) -> str:
        try:
            return decoded(self.source.read(name, MAX_BYTES), name)
        except ImageError as error:
            raise DataError(f"{name} cannot be read ({error}).") from error

    def ending(self, *suffixes: str) -> list[str]:
        return [name for name in self.names if name.lower().endswith(suffixes)]


def found_annotations(source: Source, names: Sequence[str], candidates: Sequence[str], margin: float) -> Layout | None:
    """The layout that an annotation export makes; None if there is none.

    Args:
        source: the files.
        names: those that are not hidden.
        candidates: those that are images.
        margin: added to each side of a box, as a share of its size.

    Raises:
        DataError: an export cannot be read, names no picture of the data, or there are several kinds.
    """
    files = _Files(source, names, Index(candidates))
    found: dict[str, list[Item]] = {}
    for kind, read in (
        ("YOLO", _yolo),
        ("COCO", _coco),
        ("Label Studio", _label_studio),
        ("CVAT", _cvat),
        ("Pascal VOC", _voc),
    ):
        try:
            read_items = read(files)
            if read_items is not None:
                found[kind] = list(read_items)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError) as error:
            # what is JSON or XML, but not built as the tool builds it: any part of it may be missing or be another kind
            raise DataError(
                f"the {kind} annotations in {source.location} are not built as they should be ({error!r:.200}). "
                "Export them again, or remove them."
            ) from error
    if not found:
        return None
    kind, items = next(iter(found.items()))
    if len(found) > 1:
        raise DataError(
            f"{source.location} has annotations of several kinds ({', '.join(found)}). Keep one of them, or say where "
            "the classes are with --layout or --table."
        )
    if not items:
        raise DataError(
            f"the {kind} annotations in {source.location} label no picture that is there. Put pictures beside them, "
            "or remove the annotations."
        )
    return _layout(kind, items, candidates, margin)


def _layout(kind: str, items: Sequence[Item], candidates: Sequence[str], margin: float) -> Layout:
    spelling, classes = canonical_classes([item.label for item in items])
    placed: dict[str, Placed] = {}
    for item in items:
        path = item.picture + (item.box.widened(margin).fragment() if item.box else "")
        label = spelling[item.label]
        before = placed.get(path)
        if before and before.class_name != label:
            raise DataError(
                f"the {kind} annotations say both '{before.class_name}' and '{label}' of '{path}'. Mend them, or keep "
                "pictures with one label."
            )
        placed[path] = Placed(path, item.split, label)
    splits = {p.split for p in placed.values()}
    if "" in splits and len(splits) > 1:
        placed = {path: replace(p, split="") for path, p in placed.items()}
    pictures = {picture_of(path) for path in placed}
    ignored = tuple(SkippedFile(name, f"without a {kind} annotation") for name in candidates if name not in pictures)
    boxes = sum(item.box is not None for item in items)
    notes = [f"{boxes:,} annotated boxes of {len(pictures):,} pictures are items of their own."] if boxes else []
    if ignored:
        notes.append(f"{len(ignored):,} of {len(candidates):,} pictures have no {kind} annotation and are left out.")
    ordered = tuple(placed[path] for path in sorted(placed))
    return Layout(f"{kind} annotations", classes, ordered, ignored, tuple(notes))


def _by_folder(picture: str) -> str:
    return next((s for part in reversed(picture.split("/")[:-1]) if (s := split_of(part))), "")


# YOLO


def _yolo(files: _Files) -> Iterator[Item] | None:
    configs = [
        name
        for name in files.ending(".yaml", ".yml")
        if "names" in (text := files.text(name)) and re.search(r"(?m)^\s*(train|val|nc|path)\s*:", text)
    ]
    if not configs:
        return None
    if len(configs) > 1:
        raise DataError(f"several YOLO descriptions: {', '.join(configs[:4])}. Keep one.")
    labels = [name for name in files.ending(".txt") if "labels" in PurePosixPath(name).parts[:-1]]
    if not labels:
        return None
    return _yolo_items(files, _yolo_names(files.text(configs[0]), configs[0]), labels)


def _yolo_names(text: str, where: str) -> dict[int, str]:
    """Number -> class, from the key `names` of a data.yaml: a list or a mapping, in block or flow style."""
    import yaml

    try:
        names = yaml.safe_load(text).get("names")
    except (yaml.YAMLError, AttributeError, ValueError, RecursionError) as error:
        raise DataError(f"{where} is not readable YAML. Mend it.") from error
    if isinstance(names, list):
        names = dict(enumerate(names))
    # names that are lists of aliases of lists would be texts without end
    if isinstance(names, dict) and all(
        str(key).isdecimal() and isinstance(name, str | int | float) for key, name in names.items()
    ):
        return {int(key): str(name) for key, name in names.items()}
    raise DataError(f"{where} lists no classes under 'names'. Add them.")


def _yolo_items(files: _Files, names: Mapping[int, str], labels: Sequence[str]) -> Iterator[Item]:
    for name in labels:
        parts = list(PurePosixPath(name).parts)
        at = len(parts) - 1 - parts[::-1].index("labels")
        parts[at] = "images"
        # pictures mirror labels: .../images/train/a.jpg has .../labels/train/a.txt
        picture = files.index.find(str(PurePosixPath(*parts).with_suffix("")), str(PurePosixPath(*parts[:-1])))
        if not picture:
            continue
        for number, line in enumerate(files.text(name).splitlines(), start=1):
            values = line.split()
            if not values:
                continue
            try:
                label = names[int(values[0])]
                box = _yolo_box([float(value) for value in values[1:]])
            except (ValueError, KeyError) as error:
                raise DataError(
                    f"{name}, line {number}: '{line[:60]}' is neither a box nor a polygon of a known class."
                ) from error
            yield Item(picture, label, box, _by_folder(picture))


def _yolo_box(values: Sequence[float]) -> Box:
    """Centre and size, or the corners of a polygon, all as shares of the picture."""
    if len(values) in (4, 5):  # a fifth is a confidence
        x, y, width, height = values[:4]
        return Box(100 * (x - width / 2), 100 * (y - height / 2), 100 * width, 100 * height, percent=True)
    if len(values) < 6 or len(values) % 2:
        raise ValueError("neither a box nor a polygon")
    xs, ys = values[::2], values[1::2]
    return Box(100 * min(xs), 100 * min(ys), 100 * (max(xs) - min(xs)), 100 * (max(ys) - min(ys)), percent=True)


# COCO


def _json_files(files: _Files) -> Iterator[tuple[str, Any]]:
    for name in files.ending(".json"):
        text = files.text(name)
        if '"annotations"' in text or '"choices"' in text or '"choice"' in text:
            try:
                yield name, parse_json(text)
            except ValueError as error:
                raise DataError(f"{name} looks like annotations but is not JSON ({error}). Mend it.") from error


def _coco(files: _Files) -> Iterator[Item] | None:
    found = [
        (name, data)
        for name, data in _json_files(files)
        if isinstance(data, dict) and {"images", "annotations", "categories"} <= data.keys()
    ]
    return _coco_items(files, found) if found else None


def _coco_items(files: _Files, found: Sequence[tuple[str, dict[str, Any]]]) -> Iterator[Item]:
    for name, data in found:
        folder = name.rpartition("/")[0]
        split = split_of(PurePosixPath(name).stem) or split_of(PurePosixPath(folder).name)
        labels = {category["id"]: str(category["name"]) for category in data["categories"]}
        pictures = {image["id"]: files.index.find(str(image["file_name"]), folder) for image in data["images"]}
        for row in data["annotations"]:
            picture = pictures.get(row.get("image_id"), "")
            if not picture:
                continue
            if row.get("category_id") not in labels:
                raise DataError(f"{name}: an annotation has the unknown category {row.get('category_id')!r}.")
            box = row.get("bbox")
            if not box and isinstance(row.get("segmentation"), list):
                points = [value for polygon in row["segmentation"] for value in polygon]
                xs, ys = points[::2], points[1::2]
                box = [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)] if xs else None
            yield Item(
                picture,
                labels[row["category_id"]],
                _pixels(box) if box else None,
                split or _by_folder(picture),
            )


def _pixels(box: Sequence[float]) -> Box:
    x, y, width, height = map(float, box)
    return Box(x, y, width, height)


# Label Studio


def _label_studio(files: _Files) -> Iterator[Item] | None:
    found = [
        (name, data)
        for name, data in _json_files(files)
        if isinstance(data, list) and data and isinstance(data[0], dict) and ("data" in data[0] or "image" in data[0])
    ]
    return _label_studio_items(files, found) if found else None


def _label_studio_items(files: _Files, found: Sequence[tuple[str, list[dict[str, Any]]]]) -> Iterator[Item]:
    for name, tasks in found:
        for task in tasks:
            data = task.get("data", task)
            picture = next(filter(None, (_uploaded(files, value) for value in data.values())), "")
            if not picture:
                continue
            split = _by_folder(picture)
            if "data" not in task:  # the short form: {"image": ..., "choice": "happy"}
                label = task.get("choice") or task.get("choices")
                if isinstance(label, str):
                    yield Item(picture, label, None, split)
                continue
            done = [a for a in task.get("annotations", []) if not a.get("was_cancelled")]
            # of several people's answers the last stands, as in the tool's own short export
            for result in done[-1].get("result", []) if done else []:
                yield from _label_studio_result(name, picture, split, result)


def _uploaded(files: _Files, value: object) -> str:
    """The picture of a task; the tool puts a random prefix before the name of an uploaded file."""
    if not isinstance(value, str):
        return ""
    path = unquote(value.partition("?d=")[2] or value.partition("?")[0])
    path = re.sub(r"^[a-z0-9+]+://", "", path)
    return files.index.find(path) or files.index.find(re.sub(r"(^|/)[0-9a-f]{8}-([^/]+)$", r"\1\2", path))


def _label_studio_result(where: str, picture: str, split: str, result: Mapping[str, Any]) -> Iterator[Item]:
    value = result.get("value", {})
    kind = result.get("type", "")
    labels = value.get(kind) if kind else None
    if not labels:
        return
    if len(labels) > 1:
        raise DataError(f"{where} gives '{picture}' several labels ({', '.join(map(str, labels))}). Keep one of them.")
    if kind == "choices":
        yield Item(picture, str(labels[0]), None, split)
    elif kind == "rectanglelabels":
        x, y, width, height = (float(value[key]) for key in ("x", "y", "width", "height"))
        box = Box(x, y, width, height, percent=True)
        yield Item(picture, str(labels[0]), box, split)
    elif kind == "polygonlabels":
        xs, ys = zip(*value["points"], strict=True)
        box = Box(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys), percent=True)
        yield Item(picture, str(labels[0]), box, split)


# CVAT and Pascal VOC


def _any_xml(files: _Files, tag: str) -> bool:
    """Whether one of the first XML files has such a root; there may be one for each picture, too many to read twice."""
    return any(
        f"<{tag}>" in (head := files.text(name)[:4096]) or f"<{tag} " in head for name in files.ending(".xml")[:LOOK]
    )


def _xml(files: _Files, tag: str) -> Iterator[tuple[str, ElementTree.Element]]:
    for name in files.ending(".xml"):
        text = files.text(name)
        head = text[:4096]
        if f"<{tag}" not in head:
            continue
        if "<!ENTITY" in text or "<!DOCTYPE" in head:
            raise DataError(f"{name} has a document type of its own, which annotation tools do not write. Remove it.")
        try:
            root = ElementTree.fromstring(text)
        except ElementTree.ParseError as error:
            raise DataError(f"{name} is not readable XML ({error}). Mend it.") from error
        if root.tag == tag:
            yield name, root


def _cvat(files: _Files) -> Iterator[Item] | None:
    return _cvat_items(files) if _any_xml(files, "annotations") else None


def _cvat_items(files: _Files) -> Iterator[Item]:
    for name, root in _xml(files, "annotations"):
        for image in root.iter("image"):
            picture = files.index.find(image.get("name", ""), name.rpartition("/")[0])
            if not picture:
                continue
            split = split_of(image.get("subset", "")) or _by_folder(picture)
            for tag in image.iter("tag"):
                yield Item(picture, _cvat_label(tag), None, split)
            for box in image.iter("box"):
                x, y, right, bottom = (float(box.get(key, "nan")) for key in ("xtl", "ytl", "xbr", "ybr"))
                yield Item(picture, _cvat_label(box), Box(x, y, right - x, bottom - y), split)
            for shape in image.iter("polygon"):
                points = [tuple(map(float, pair.split(","))) for pair in shape.get("points", "").split(";")]
                xs, ys = zip(*points, strict=True)
                yield Item(
                    picture, _cvat_label(shape), Box(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)), split
                )


def _cvat_label(shape: ElementTree.Element) -> str:
    """Its label, or the one value of its one attribute where that says more (a face that is `happy`)."""
    values = [a.text.strip() for a in shape.iter("attribute") if a.text and a.text.strip()]
    return values[0] if len(values) == 1 and not values[0].isdigit() else shape.get("label", "")


def _voc(files: _Files) -> Iterator[Item] | None:
    return _voc_items(files) if _any_xml(files, "annotation") else None


def _voc_items(files: _Files) -> Iterator[Item]:
    listed = _voc_splits(files)
    for name, root in _xml(files, "annotation"):
        stem = PurePosixPath(name).stem
        folder = name.rpartition("/")[0]
        beside = folder.rpartition("/")[0]
        picture = next(
            filter(
                None,
                (
                    files.index.find(text, where)
                    for text in (root.findtext("filename", "").strip(), stem)
                    if text
                    for where in (folder, f"{beside}/JPEGImages".lstrip("/"), "")
                ),
            ),
            "",
        )
        if not picture:
            continue
        for thing in root.iter("object"):
            box = thing.find("bndbox")
            if box is None:
                raise DataError(f"{name}: an object has no bndbox. Mend the file.")
            try:
                x, y, right, bottom = (float(box.findtext(key, "")) for key in ("xmin", "ymin", "xmax", "ymax"))
            except ValueError as error:
                raise DataError(f"{name}: a box has no numbers for its corners. Mend the file.") from error
            yield Item(
                picture,
                thing.findtext("name", "").strip(),
                Box(x, y, right - x, bottom - y),
                listed.get(stem, _by_folder(picture)),
            )


def _voc_splits(files: _Files) -> dict[str, str]:
    """Stem of a picture -> split, from ImageSets/Main/train.txt and its like; nothing where one stands in two."""
    found: dict[str, str] = {}
    seen: Counter[str] = Counter()
    for name in files.ending(".txt"):
        path = PurePosixPath(name)
        split = split_of(path.stem) if "ImageSets" in path.parts and path.stem in ("train", "val", "test") else ""
        for line in files.text(name).splitlines() if split else ():
            if line.strip():
                found[line.split()[0]] = split
                seen[line.split()[0]] += 1
    return found if all(n == 1 for n in seen.values()) else {}
