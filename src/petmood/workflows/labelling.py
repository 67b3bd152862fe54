"""A data set and labels.csv -> a manifest with those labels, or a corrected copy of the folder."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from petmood.dataset import open_dataset
from petmood.escaping import csv_text, path_component
from petmood.files import output_folder
from petmood.ingest.layout import SPLIT_ALIASES, canonical_classes
from petmood.ingest.names import AUGMENTED, ROBOFLOW
from petmood.labels import apply_labels, read_labels
from petmood.progress import Progress, Silent
from petmood.records import ImageRecord, Manifest
from petmood.store import write_bytes, write_text

CHANGES = "changes.csv"
"""File of a corrected copy that says what was changed; not an image, so that ingestion passes it over."""


@dataclass(frozen=True, slots=True)
class ExportOutcome:
    """What a corrected copy holds: files written, photos with another label, photos left out."""

    folder: Path
    files: int
    relabelled: int
    excluded: int


def export_data(data: Path, out: Path, labels: Path, progress: Progress | None = None) -> ExportOutcome:
    """Write a copy of a data set in which each photo stands in the folder of its label of labels.csv.

    The originals are left as they are. Files keep their bytes; those of a photo that changes its class get
    "-was-<class>" into their names, so that they meet no file of that name and stay one family. What the data's layout
    does not have, files that were rejected, ignored or excluded, is not copied. `changes.csv` lists every change.

    Args:
        data: folder or .zip.
        out: a folder that is new, empty, or an earlier copy that nobody changed.
        labels: labels.csv.
        progress: where to show it.

    Raises:
        DataError: the data, the labels or `out` cannot be used.
    """
    shown = progress or Silent()
    with (
        output_folder(out, [data], beside=[labels]) as folder,
        open_dataset(data, labelled=False, splits=False, progress=shown) as opened,
    ):
        before = opened.manifest
        after = apply_labels(before, read_labels(labels, before))
        old = {record.path: record.class_name for record in before.records}
        taken: Counter[str] = Counter()
        rows = []
        with shown.stage("Writing images") as tick:
            for done, record in enumerate(after.records):
                target = _unique(_target(record, old[record.path], before), taken)
                write_bytes(folder / target, opened.pictures.read(record))
                if old[record.path] != record.class_name:
                    rows.append((record.path, target, old[record.path], record.class_name))
                tick(done + 1, len(after))
        kept = {record.path for record in after.records}
        gone = [record for record in before.records if record.path not in kept]
        rows += [(record.path, "", record.class_name, "") for record in gone]
        _write_changes(folder / CHANGES, rows)
    family = {record.path: record.family for record in before.records}
    return ExportOutcome(
        folder=out,
        files=len(after),
        relabelled=len({family[path] for path, target, *_ in rows if target}),
        excluded=len({record.family for record in gone}),
    )


def _target(record: ImageRecord, old: str, before: Manifest) -> str:
    """Where a file goes: split/class/file or class/file; folders below a class folder are kept."""
    parts = PurePosixPath(record.path).parts
    rest = parts[_class_depth(parts, old, before.layout) + 1 :]
    name = rest[-1]
    if old and old != record.class_name:
        name = _marked(name, f"-was-{old.replace('/', '-')}")
    # a label is a name that somebody gave, not a path: of "../x" comes a folder of that name, below `out`
    folder = (record.split, record.class_name) if before.layout == "split/class" else (record.class_name,)
    return "/".join(map(path_component, (*folder, *rest[:-1], name)))


def _class_depth(parts: tuple[str, ...], class_name: str, layout: str) -> int:
    """Index of the class folder in a path; -1 for a flat layout."""
    if layout == "flat":
        return -1
    if layout == "split/class":
        return next(i for i, part in enumerate(parts) if part.casefold() in SPLIT_ALIASES) + 1
    return next(
        i for i, part in enumerate(parts) if canonical_classes([part])[1][0].casefold() == class_name.casefold()
    )


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


def _write_changes(path: Path, rows: list[tuple[str, str, str, str]]) -> None:
    write_text(path, csv_text([("path", "new_path", "label", "new_label"), *sorted(rows)]))
