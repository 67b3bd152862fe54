"""Exports of annotation tools among the files of a data set -> the items they make: labelled pictures or parts of them.

Read are YOLO (`data.yaml` or `classes.txt`, with boxes or polygons), COCO, Pascal VOC, Label Studio, CVAT and CreateML.
Each box is an item of its own, named by its picture and a media fragment; all items of one picture are one family.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from pathlib import PurePosixPath
from typing import Any, Final
from xml.etree import ElementTree

from petmood.errors import DataError, ImageError
from petmood.given import parse_json
from petmood.images import EXTENSIONS
from petmood.ingest.layout import Layout, Placed, canonical_classes
from petmood.ingest.table import Index
from petmood.ingest.words import split_of
from petmood.records import SkippedFile, picture_of
from petmood.sources import Source
from petmood.sources.crop import CropBox
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
    box: CropBox | None = None
    split: str = ""


def _box(values: Iterable[object], where: str, *, percent: bool = False) -> CropBox:
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


_Point = tuple[float, float]


def _around(points: Sequence[_Point], where: str, *, percent: bool = False) -> CropBox:
    """The box around some points."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    if not xs:
        raise DataError(f"{where}: a shape has no points. Fix the file.")
    return _box((min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)), where, percent=percent)


def _turned(corners: Sequence[_Point], centre: _Point, degrees: float) -> list[_Point]:
    """Points turned clockwise about another."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    cx, cy = centre
    return [(cx + (x - cx) * cos - (y - cy) * sin, cy + (x - cx) * sin + (y - cy) * cos) for x, y in corners]


def _corners(x: float, y: float, width: float, height: float) -> list[_Point]:
    return [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]


@dataclass(frozen=True)
class _Files:
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
    files = _Files(source, names, candidates)
    found: dict[str, list[Item]] = {}
    for kind in ("YOLO", *_KINDS):
        try:
            items = _yolo(files) if kind == "YOLO" else _items(files, *_KINDS[kind])
            if items is not None:
                found[kind] = list(items)
        except (AttributeError, IndexError, KeyError, OverflowError, RecursionError, TypeError, ValueError) as error:
            raise DataError(
                f"the {kind} annotations in {source.location} are not as such tools write them "
                f"({type(error).__name__}: {str(error)[:80]}). Export them again, or remove them."
            ) from error
    if not found:
        return None
    kind, made = next(iter(found.items()))
    if len(found) > 1:
        raise DataError(
            f"{source.location} has annotations of several kinds ({', '.join(found)}). Keep one of them, or say where "
            "the classes are with --layout or --table."
        )
    if not made:
        raise DataError(
            f"the {kind} annotations in {source.location} label no picture that is there: they name others, or hold no "
            "finished answers. Put pictures beside them, or remove the annotations."
        )
    return _layout(kind, made, candidates, margin)


def _items(
    files: _Files, sign: str | Callable[[Any], bool], read: Callable[[_Files, str, Any], Iterator[Item]]
) -> Iterator[Item] | None:
    """The items of all files of a kind, told by the root of its XML or by what its JSON is; None if there is none."""
    if isinstance(sign, str):
        return chain.from_iterable(read(files, *one) for one in _xml(files, sign)) if _any_xml(files, sign) else None
    found = [(name, data) for name, data in files.json if sign(data)]
    return chain.from_iterable(read(files, *one) for one in found) if found else None


def _layout(kind: str, items: Sequence[Item], candidates: Sequence[str], margin: float) -> Layout:
    spelling, classes = canonical_classes([item.label for item in items])
    placed: dict[str, Placed] = {}
    for item in items:
        path = item.picture + (item.box.widened(margin).fragment() if item.box else "")
        label = spelling[item.label]
        before = placed.get(path)
        if before and before.class_name != label:
            raise DataError(
                f"the {kind} annotations say both '{before.class_name}' and '{label}' of '{path}'. Fix them, or keep "
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


_CLASS_LISTS: Final = ("classes.txt", "obj.names", "_darknet.labels")
"""Files that name the classes, a line each, where there is no data.yaml."""


def _yolo(files: _Files) -> Iterator[Item] | None:
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


def _yolo_picture(files: _Files, name: str) -> str:
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
    files: _Files, names: Mapping[int, str], keypoints: bool, labels: Sequence[tuple[str, str]]
) -> Iterator[Item]:
    listed = _yolo_splits(files, {name for name, _ in labels})
    for name, picture in labels:
        split = listed.get(picture, _by_folder(picture))
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
            yield Item(picture, label, box, split)


def _whole(text: str) -> int:
    """The number of a class, which some tools write as `2.0`; ValueError for any other that is not whole."""
    number = float(text)
    if not number.is_integer():
        raise ValueError("not the number of a class")
    return int(number)


def _yolo_splits(files: _Files, labels: Set[str]) -> dict[str, str]:
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
        found = _box((100 * (x - width / 2), 100 * (y - height / 2), 100 * width, 100 * height), where, percent=True)
    elif len(values) < 6 or len(values) % 2:
        raise ValueError("neither a box nor a polygon")
    else:
        shares = [100 * value for value in values]
        found = _around(list(zip(shares[::2], shares[1::2], strict=True)), where, percent=True)
    if found.width > MOST_PERCENT or found.height > MOST_PERCENT:
        raise DataError(f"{where}: a box larger than its picture; they are shares of it, not pixels. Fix the file.")
    return found


MOST_PERCENT: Final = 150
"""Boxes larger than that are given in something else than shares of the picture."""


# COCO


def _coco(files: _Files, name: str, data: dict[str, Any]) -> Iterator[Item]:
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
        yield Item(picture, labels[str(row["category_id"])], box, split or _by_folder(picture))


def _coco_box(row: Mapping[str, Any], where: str) -> CropBox | None:
    """The box of an annotation, else that of its polygons; None if it is of the whole picture."""
    if row.get("bbox"):
        return _box(row["bbox"], where)
    outline = row.get("segmentation")
    if isinstance(outline, dict):
        raise DataError(f"{where}: a mask without a bbox. Export it with boxes.")
    points = [value for polygon in outline or () for value in polygon]
    return _around(list(zip(points[::2], points[1::2], strict=False)), where) if points else None


# Label Studio


def _is_studio(data: Any) -> bool:
    first = data[0] if isinstance(data, list) and data else None
    return isinstance(first, dict) and ("data" in first or ("image" in first and _createml_rows(first) is None))


def _studio(files: _Files, name: str, tasks: list[dict[str, Any]]) -> Iterator[Item]:
    for task in tasks:
        data = task.get("data", task)
        texts = [value for value in data.values() if isinstance(value, str)]
        picture = next(filter(None, map(files.index.find, texts)), "")
        if not picture:
            continue
        split = _by_folder(picture)
        if "data" not in task:  # the short form: {"image": ..., "choice": "happy"}
            label = task.get("choice") or task.get("choices")
            if isinstance(label, str):
                yield Item(picture, label, None, split)
            continue
        answers = task.get("annotations") or task.get("completions") or ()
        done = [a for a in answers if not a.get("was_cancelled")]
        # of several people's answers the last stands, as in the tool's own short export
        for result in done[-1].get("result", []) if done else []:
            yield from _label_studio_result(name, picture, split, result)


def _label_studio_result(where: str, picture: str, split: str, result: Mapping[str, Any]) -> Iterator[Item]:
    value, kind = result.get("value", {}), result.get("type", "")
    labels = value.get(kind) if kind else None
    if not labels or not isinstance(labels, list):
        return
    if len(labels) > 1:
        raise DataError(f"{where} gives '{picture}' several labels ({', '.join(map(str, labels))}). Keep one of them.")
    if kind not in _STUDIO:
        raise DataError(f"{where} has {kind}, which are not read. Export choices, rectangles, ellipses or polygons.")
    yield Item(picture, str(labels[0]), _STUDIO[kind](value, result, where), split)


def _studio_rectangle(value: Mapping[str, Any], result: Mapping[str, Any], where: str) -> CropBox:
    box = _box((value.get(key) for key in ("x", "y", "width", "height")), where, percent=True)
    if not value.get("rotation"):
        return box
    # it turns about its left upper corner, in pixels
    sx, sy = (result.get(key, 100) / 100 for key in ("original_width", "original_height"))
    corners = _corners(box.x * sx, box.y * sy, box.width * sx, box.height * sy)
    turned = _turned(corners, corners[0], float(value["rotation"]))
    return _around([(x / sx, y / sy) for x, y in turned], where, percent=True)


def _studio_ellipse(value: Mapping[str, Any], _: Mapping[str, Any], where: str) -> CropBox:
    x, y, rx, ry = (value.get(key, math.nan) for key in ("x", "y", "radiusX", "radiusY"))
    return _box((x - rx, y - ry, 2 * rx, 2 * ry), where, percent=True)


_STUDIO: Final[Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any], str], CropBox | None]]] = {
    "choices": lambda value, result, where: None,
    "rectanglelabels": _studio_rectangle,
    "ellipselabels": _studio_ellipse,
    "polygonlabels": lambda value, _, where: _around([(x, y) for x, y in value["points"]], where, percent=True),
}


# CreateML


def _createml_rows(entry: Mapping[str, Any]) -> list[Any] | None:
    rows = entry.get("annotations", entry.get("annotation"))
    named = isinstance(entry.get("image", entry.get("imagefilename")), str) and "data" not in entry
    return rows if named and isinstance(rows, list) else None


def _is_createml(data: Any) -> bool:
    first = data[0] if isinstance(data, list) and data else None
    return isinstance(first, dict) and _createml_rows(first) is not None


def _createml(files: _Files, name: str, entries: list[dict[str, Any]]) -> Iterator[Item]:
    folder = name.rpartition("/")[0]
    for entry in entries:
        picture = files.index.find(entry.get("image") or entry.get("imagefilename") or "", folder)
        for row in (_createml_rows(entry) or ()) if picture else ():
            where = f"{name}, '{picture}'"
            at = row.get("coordinates")
            x, y, width, height = ((at or {}).get(key, math.nan) for key in ("x", "y", "width", "height"))
            box = _box((x - width / 2, y - height / 2, width, height), where) if at else None
            yield Item(picture, str(row.get("label", "")), box, _by_folder(picture))


# CVAT and Pascal VOC


def _any_xml(files: _Files, tag: str) -> bool:
    """Whether one of the first XML files has such a root; there may be one for each picture, too many to read twice."""
    return any(
        f"<{tag}>" in (head := files.xml(name)[:4096]) or f"<{tag} " in head for name in files.ending(".xml")[:LOOK]
    )


def _xml(files: _Files, tag: str) -> Iterator[tuple[str, ElementTree.Element]]:
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


def _cvat(files: _Files, name: str, root: ElementTree.Element) -> Iterator[Item]:
    if root.find("track") is not None:
        raise DataError(f"{name} has tracks of a video, which are not read. Export it as CVAT for images.")
    attribute = _cvat_attribute(name, root)
    for image in root.iter("image"):
        picture = files.index.find(image.get("name", ""), name.rpartition("/")[0])
        if not picture:
            continue
        split = split_of(image.get("subset", "")) or _by_folder(picture)
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
        box = _box((x, y, right - x, bottom - y), where)
    elif shape.tag == "ellipse":
        x, y, rx, ry = numbers("cx", "cy", "rx", "ry")
        box = _box((x - rx, y - ry, 2 * rx, 2 * ry), where)
    elif shape.tag == "mask":
        box = _box(numbers("left", "top", "width", "height"), where)
    elif shape.tag == "polygon":
        pairs = [pair.split(",") for pair in shape.get("points", "").split(";") if pair]
        try:
            box = _around([(float(x), float(y)) for x, y in pairs], where)
        except ValueError as error:
            raise DataError(f"{where}: a polygon is not made of numbers. Fix the file.") from error
    else:
        raise DataError(f"{where}: a {shape.tag} is not read. Use tags, boxes, polygons, ellipses or masks.")
    if not turn:
        return box
    centre = (box.x + box.width / 2, box.y + box.height / 2)
    return _around(_turned(_corners(box.x, box.y, box.width, box.height), centre, turn), where)


def _voc(files: _Files, name: str, root: ElementTree.Element) -> Iterator[Item]:
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
        corners = _box((box.findtext(key, "") for key in ("xmin", "ymin", "xmax", "ymax")), name)
        found = replace(corners, width=corners.width - corners.x, height=corners.height - corners.y)
        yield Item(picture, thing.findtext("name", "").strip(), found, files.voc_splits.get(stem, _by_folder(picture)))


_KINDS: Final[Mapping[str, tuple[str | Callable[[Any], bool], Callable[[_Files, str, Any], Iterator[Item]]]]] = {
    "COCO": (lambda d: isinstance(d, dict) and {"images", "annotations", "categories"} <= d.keys(), _coco),
    "Label Studio": (_is_studio, _studio),
    "CreateML": (_is_createml, _createml),
    "CVAT": ("annotations", _cvat),
    "Pascal VOC": ("annotation", _voc),
}
"""Kind -> how its files are told, by the root of their XML or by what their JSON is, and what reads one of them."""
