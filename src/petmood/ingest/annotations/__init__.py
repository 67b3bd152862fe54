"""Exports of annotation tools among the files of a data set -> the items they make: labelled pictures or parts of them.

Read are YOLO (`data.yaml` or `classes.txt`, with boxes or polygons), COCO, Pascal VOC, Label Studio, CVAT and CreateML.
Each box is an item of its own, named by its picture and a media fragment; all items of one picture are one family.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from petmood.errors import DataError
from petmood.ingest.annotations import as_json, as_xml
from petmood.ingest.annotations.files import ExportFiles, Item, KindReader
from petmood.ingest.annotations.yolo import yolo
from petmood.ingest.layout import Layout, Placed, canonical_classes
from petmood.ingest.words import split_of_folders
from petmood.records import SkippedFile, picture_of
from petmood.sources import Source

KINDS: Final[Mapping[str, KindReader]] = {"YOLO": yolo, **as_json.KINDS, **as_xml.KINDS}


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
    files = ExportFiles(source, names, candidates)
    found: dict[str, list[Item]] = {}
    for kind, read in KINDS.items():
        try:
            items = read(files)
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
        placed[path] = Placed(path, item.split or split_of_folders(item.picture), label)
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
