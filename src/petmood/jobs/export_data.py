"""A data set, read as petmood reads it, -> a copy for other trainers: its families, its splits, corrected labels."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final

from PIL import Image

from petmood.dataset import open_dataset
from petmood.errors import ConfigError
from petmood.escaping import csv_text, path_component
from petmood.files import output_folder
from petmood.ingest.names import AUGMENTED, ROBOFLOW
from petmood.labels import apply_labels, read_labels
from petmood.pictures import Pictures
from petmood.progress import Progress, Silent
from petmood.records import ImageRecord, Manifest, picture_of
from petmood.split import complete_splits, official_fold
from petmood.store import write_bytes, write_text

CHANGES = "changes.csv"
"""File of a corrected copy that says what was changed; not an image, so that ingestion passes it over."""

FORMATS: Final = {
    "folders": {},
    "imagefolder": {"valid": "validation"},
    "yolo-cls": {"valid": "val"},
    "csv": {},
}
"""Formats of export, and the names that they give to splits."""

_HEADER: Final = ("label", "split", "family", "derived", "animal", "species", "source")


@dataclass(frozen=True, slots=True)
class ExportOutcome:
    """What a copy holds: files written (or listed), photos with another label, photos left out."""

    folder: Path
    files: int
    relabelled: int
    excluded: int


def export_data(
    data: Path,
    out: Path,
    labels: Path | None = None,
    progress: Progress | None = None,
    *,
    to: str = "folders",
    seed: int = 42,
    families: str = "auto",
    allow_leakage: bool = False,
) -> ExportOutcome:
    """Write a data set for other trainers; the originals are left as they are.

    "folders" keeps what splits there are and makes none: each photo stands in the folder of its label. The others have
    all three splits, none of which shares a photo with another: "imagefolder" (Hugging Face: class folders and a
    metadata.csv in each split), "yolo-cls" (Ultralytics: train, val and test with class folders) and "csv" (labels.csv
    alone, whose paths are those of the data). The tables have a column for the family, so that a trainer that makes
    folds can keep it together.

    Files keep their bytes; annotated parts of pictures are written as PNG. In "folders", those of a photo that changes
    its class get "-was-<class>" into their names, so that they meet no file of that name and stay one family. Files
    that were rejected, ignored or excluded are not copied. `changes.csv` lists every change of a label.

    Args:
        data: folder or .zip.
        out: a folder that is new, empty, or an earlier copy that nobody changed.
        labels: labels.csv with corrections, if any.
        progress: where to show it.
        to: one of `FORMATS`.
        seed: of splits that must be made.
        families: how families are found.
        allow_leakage: whether the data's own splits may share photos.

    Raises:
        DataError: the data, the labels or `out` cannot be used.
        LeakageError: the data's own splits share photos.
        ConfigError: an unknown format.
    """
    if to not in FORMATS:
        raise ConfigError(f"unknown format '{to}'. Choose one of: {', '.join(FORMATS)}.")
    shown = progress or Silent()
    needed = to != "folders" and labels is None
    with (
        output_folder(out, [data], beside=[labels]) as folder,
        open_dataset(data, families=families, labelled=needed, splits=False, progress=shown) as opened,
    ):
        before = opened.manifest
        after = apply_labels(before, read_labels(labels, before)) if labels else before
        if to != "folders":
            after = replace(complete_splits(after, seed), allow_leakage=allow_leakage)
            official_fold(after)
        old = {record.path: record.class_name for record in before.records}
        targets = _targets(after, old, to)
        if to != "csv":
            with shown.stage("Writing images") as tick:
                for done, record in enumerate(after.records):
                    write_bytes(folder / targets[record.path], _bytes(opened.pictures, record))
                    tick(done + 1, len(after))
        _write_tables(folder, after, targets, to)
        kept = {record.path for record in after.records}
        gone = [record for record in before.records if record.path not in kept]
        changed = [record for record in after.records if old[record.path] != record.class_name]
        if labels is not None:
            rows = [(r.path, targets[r.path], old[r.path], r.class_name) for r in changed]
            rows += [(record.path, "", record.class_name, "") for record in gone]
            _write_csv(folder / CHANGES, ("path", "new_path", "label", "new_label"), sorted(rows))
    family = {record.path: record.family for record in before.records}
    return ExportOutcome(
        folder=out,
        files=len(after),
        relabelled=len({family[record.path] for record in changed}),
        excluded=len({record.family for record in gone}),
    )


def _bytes(pictures: Pictures, record: ImageRecord) -> bytes:
    data = pictures.read(record)
    if picture_of(record.path) == record.path:
        return data
    packed = io.BytesIO()
    Image.open(io.BytesIO(data)).save(packed, "PNG")
    return packed.getvalue()


def _targets(after: Manifest, old: dict[str, str], to: str) -> dict[str, str]:
    """Path in the data -> path in the copy; for a table alone they are the same."""
    if to == "csv":
        return {record.path: record.path for record in after.records}
    taken: Counter[str] = Counter()
    return {record.path: _unique(_target(record, old[record.path], to), taken) for record in after.records}


def _target(record: ImageRecord, old: str, to: str) -> str:
    """Where a file goes: split/class/file, or class/file without splits; folders below a class folder are kept."""
    picture = picture_of(record.path)
    box = record.path[len(picture) :].removeprefix("#xywh=").removeprefix("percent:").replace(",", "_")
    parts = PurePosixPath(picture).parts
    below = max((i for i, part in enumerate(parts[:-1]) if old and part.casefold() == old.casefold()), default=None)
    rest = parts[-1:] if below is None or to != "folders" else parts[below + 1 :]
    name = f"{PurePosixPath(rest[-1]).stem}-{box}.png" if box else rest[-1]
    if to == "folders" and old and old != record.class_name:
        name = _marked(name, f"-was-{old.replace('/', '-')}")
    split = FORMATS[to].get(record.split, record.split)
    # a label is a name that somebody gave, not a path: of "../x" comes a folder of that name, below `out`
    below_out = (*([split] if split else []), record.class_name or "unlabelled", *rest[:-1], name)
    return "/".join(map(path_component, below_out))


def _marked(file: str, mark: str) -> str:
    """A file's name with `mark` after the name of its photo, where whoever reads families from names expects it."""
    stem, suffix = PurePosixPath(file).stem, PurePosixPath(file).suffix
    start, end = 0, len(stem)
    while match := ROBOFLOW.match(stem[start:end]) or AUGMENTED.match(stem[start:end]):
        start, end = start + match.start("parent"), start + match.end("parent")
    return f"{stem[:end]}{mark}{stem[end:]}{suffix}"


def _unique(target: str, taken: Counter[str]) -> str:
    # case-insensitive file systems hold one file where others hold two
    taken[target.casefold()] += 1
    again = taken[target.casefold()]
    return target if again == 1 else str(PurePosixPath(target).with_stem(f"{PurePosixPath(target).stem} ({again})"))


def _write_tables(out: Path, after: Manifest, targets: dict[str, str], to: str) -> None:
    def row(record: ImageRecord) -> tuple[str, ...]:
        split = FORMATS[to].get(record.split, record.split)
        derived = "1" if record.derived else "0"
        said = (record.class_name, split, record.family, derived, record.animal, record.species, record.path)
        return said

    if to == "csv":
        rows = [(record.path, *row(record)[:-1]) for record in after.records]
        _write_csv(out / "labels.csv", ("path", *_HEADER[:-1]), rows)
    elif to == "yolo-cls":
        _write_csv(out / "families.csv", ("path", *_HEADER), [(targets[r.path], *row(r)) for r in after.records])
    elif to == "imagefolder":
        for split in after.split_names():
            name = FORMATS[to].get(split, split)
            inside = [r for r in after.records if r.split == split]
            rows = [(targets[r.path].removeprefix(f"{name}/"), *row(r)) for r in inside]
            _write_csv(out / name / "metadata.csv", ("file_name", *_HEADER), rows)


def _write_csv(path: Path, header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    write_text(path, csv_text([header, *rows]))
