"""Decisions of readers about labels, kept as they come -> labels.csv -> a manifest with those labels."""

from __future__ import annotations

import hashlib
import json
import math
import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal, get_args

from petmood.errors import DataError, near_or
from petmood.escaping import csv_text
from petmood.given import parse_json, read_given
from petmood.records import SPLITS, ImageRecord, Manifest, SkippedFile
from petmood.store import write_text
from petmood.tables import (
    read_rows,
    records_by_path,
    same_name,
    same_path,
    separated,
    unknown_path,
    value_of,
)

Action = Literal["label", "skip", "exclude", "undo"]

EXCLUDED: Final = "not-a-pet"
"""Label that takes a photo out of the data set, unless a class of the data has this very name."""

COLUMNS: Final = ("path", "label")
"""Columns that labels.csv must have; others may stand beside them and are not read."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a reader decided about one image.

    Attributes:
        path: of the image, as in the manifest.
        action: "label" gives it `label`; "exclude" takes its photo out of the data; "skip" decides nothing; "undo"
            takes back the reader's last decision about this image.
        label: class name for "label", else "".
        reader: who decided; readers are kept apart, so that a second one can label blind.
        time: when, ISO 8601 in UTC; for people, the order of the file decides.
    """

    path: str
    action: Action
    label: str = ""
    reader: str = ""
    time: str = ""


def append_decision(log: Path, decision: Decision) -> Decision:
    """Add a decision to a log (JSON, one line each); when this returns it is on the disk.

    Each decision is one append of one line, so that two writers never overwrite each other, and what a killed writer
    leaves of a line harms no other line.

    Args:
        log: the file; made if absent.
        decision: what was decided; its time is set to now if it has none.

    Returns:
        The decision as written.

    Raises:
        DataError: the file cannot be written.
    """
    if not decision.time:
        decision = replace(decision, time=datetime.now(UTC).isoformat(timespec="milliseconds"))
    line = json.dumps(asdict(decision), ensure_ascii=False).encode()
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            # a leading newline closes whatever half line an earlier writer may have left; blank lines are not read
            written = os.write(handle, b"\n" + line + b"\n")
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise DataError(
            f"cannot write to {log}: {error.strerror}. Check its permissions and the free space."
        ) from error
    if written != len(line) + 2:
        raise DataError(f"only a part of a decision could be written to {log}. Free some space and decide again.")
    return decision


def read_decisions(log: Path) -> tuple[Decision, ...]:
    """All decisions of a log in the order in which they were made; none if there is no log yet.

    A line that is not whole was never confirmed to its writer and is passed over.

    Raises:
        DataError: the file cannot be read.
    """
    if not log.exists():
        return ()
    text = read_given(log).decode("utf-8", errors="replace")
    found = []
    for line in text.split("\n"):
        try:
            decision = Decision(**parse_json(line))
        except (ValueError, TypeError):
            continue
        if decision.action in get_args(Action):
            found.append(decision)
    return tuple(found)


def settle(decisions: Iterable[Decision], reader: str = "") -> dict[str, Decision]:
    """What stands at the end for one reader: the last decision about each path that was not taken back.

    Paths stand in the order of their standing decisions.
    """
    stacks: dict[str, list[tuple[int, Decision]]] = {}
    for order, decision in enumerate(decisions):
        if decision.reader != reader:
            continue
        stack = stacks.setdefault(decision.path, [])
        if decision.action == "undo":
            if stack:
                stack.pop()
        else:
            stack.append((order, decision))
    standing = sorted((stack[-1] for stack in stacks.values() if stack), key=lambda item: item[0])
    return {decision.path: decision for _, decision in standing}


def labels_of(settled: Mapping[str, Decision]) -> dict[str, str]:
    """Path -> label for labels.csv; skipped photos keep their labels and are left out."""
    return {
        path: EXCLUDED if decision.action == "exclude" else decision.label
        for path, decision in settled.items()
        if decision.action != "skip"
    }


def write_labels(path: Path, labels: Mapping[str, str]) -> None:
    """Write labels.csv atomically: a header, then a row a path, sorted."""
    write_text(path, csv_text([COLUMNS, *sorted(labels.items())]))


def read_labels(path: Path, manifest: Manifest) -> dict[str, str]:
    """Read labels.csv (columns `path` and `label`) and check each line against the data.

    Args:
        path: the file.
        manifest: the data. If it is unlabelled, or the file labels all of it with none of its classes, any label but
            the empty one is a class.

    Returns:
        Family -> class name or `EXCLUDED`: a label is a photo's, whichever of its files the line names.

    Raises:
        DataError: the file cannot be read, or a line names an unknown class, a file that is not there, or a file or
            photo for the second time. The message has the line's number.
    """
    records = records_by_path(manifest)
    rows = list(read_rows(path, COLUMNS))
    classes = () if _names_anew(rows, manifest) else manifest.classes
    known = {same_name(name): name for name in classes}
    line_of: dict[str, int] = {}
    named: set[str] = set()
    found: dict[str, str] = {}
    for line, (name, label) in rows:
        record = records.get(same_path(name))
        if record is None:
            raise DataError(f"{path}, line {line}: {unknown_path(name, manifest)}")
        if record.family in found:
            first = line_of[record.family]
            what = "the file" if name in named else "a file of the same photo"
            raise DataError(
                f"{path}, line {line}: '{name}' is a duplicate: line {first} has {what} already. Keep one of them."
            )
        found[record.family] = _class_of(label.strip(), known, f"{path}, line {line}")
        line_of[record.family] = line
        named.add(name)
    if not found:
        raise DataError(f"{path} has no labels. Give it a line a photo below the header 'path,label'.")
    return found if classes else _one_spelling(found)


def _one_spelling(labels: Mapping[str, str]) -> dict[str, str]:
    """Labels that name classes of their own: spellings that differ by case alone are one class, the commonest's."""
    counts = Counter(unicodedata.normalize("NFC", label) for label in labels.values())
    chosen: dict[str, str] = {}
    for spelling in sorted(counts, key=lambda label: (-counts[label], label)):
        chosen.setdefault(same_name(spelling), spelling)
    return {family: chosen[same_name(label)] for family, label in labels.items()}


@dataclass(frozen=True)
class SoftLabels:
    """How probable each class of a photo is, as readers see it.

    Attributes:
        classes: of the columns.
        of: family -> probabilities in the order of `classes`; they sum to 1.
    """

    classes: tuple[str, ...]
    of: Mapping[str, tuple[float, ...]]

    @property
    def digest(self) -> str:
        """Of all that training depends on."""
        return hashlib.sha256(json.dumps([self.classes, sorted(self.of.items())]).encode()).hexdigest()


def read_soft_labels(path: Path, manifest: Manifest) -> SoftLabels | None:
    """The columns `p: CLASS` of a labels.csv, as `petmood review --consensus` writes them; None if it has none.

    Args:
        path: the file; `read_labels` has read it, so that its lines name photos of the data.
        manifest: the data with those labels. A line without probabilities, or with zeros alone, has none.

    Raises:
        DataError: a column is of no class of the data, or a line's numbers are no probabilities.
    """
    known = {same_name(name): name for name in manifest.classes}
    header = next(separated(read_given(path), str(path)), (1, []))[1]
    columns = {cell: cell.partition(":")[2].strip() for cell in header if cell.casefold().startswith("p:")}
    if not columns:
        return None
    for cell, name in columns.items():
        if same_name(name) not in known:
            raise DataError(f"{path}, line 1: the column '{cell}' is of no class. Known: {', '.join(known.values())}.")
    records = records_by_path(manifest)
    found: dict[str, tuple[float, ...]] = {}
    for line, (name, *cells) in read_rows(path, ("path", *columns)):
        record = records.get(same_path(name))
        try:
            values = [float(cell or 0) for cell in cells]
        except ValueError:
            values = [math.nan]
        total = math.fsum(values)
        if record is None or (total == 0 and not any(values)):
            continue
        if not all(0 <= value <= 1 for value in values) or abs(total - 1) > 0.02:
            raise DataError(
                f"{path}, line {line}: '{', '.join(cells)}' are no probabilities. Give numbers from 0 to 1 that sum to "
                "1, or none."
            )
        found[record.family] = tuple(value / total for value in values)
    return SoftLabels(tuple(known[same_name(name)] for name in columns.values()), found) if found else None


def _names_anew(rows: Iterable[tuple[int, tuple[str, ...]]], manifest: Manifest) -> bool:
    """Whether a table gives every photo a label and none of them is a class of the data: another question."""
    known = {same_name(name) for name in manifest.classes}
    records = records_by_path(manifest)
    labelled: set[str] = set()
    for _, (name, label) in rows:
        if same_name(label) in known or same_path(name) not in records:
            return False
        labelled.add(records[same_path(name)].family)
    return labelled == {record.family for record in manifest.records}


def _class_of(label: str, known: Mapping[str, str], where: str) -> str:
    if not label:
        raise DataError(f"{where}: the label is empty. Write a class, '{EXCLUDED}', or remove the line.")
    if same_name(label) in known:
        return known[same_name(label)]
    if same_name(label) == EXCLUDED:
        return EXCLUDED
    if not known:
        return label
    raise DataError(f"{where}: unknown class '{label}'. {near_or(label, [*known.values(), EXCLUDED])}")


def read_column(path: Path, manifest: Manifest, column: str) -> dict[str, str]:
    """Image path -> value, from a CSV with the columns `path` and `column`; checked as labels.csv is.

    Raises:
        DataError: the file cannot be read, or a line has no value, or names a file that is absent or named before.
    """
    known = records_by_path(manifest)
    found: dict[str, str] = {}
    for line, (name, cell) in read_rows(path, ("path", column)):
        value = value_of(cell)
        record = known.get(same_path(name))
        if record is None:
            raise DataError(f"{path}, line {line}: {unknown_path(name, manifest)}")
        if record.path in found or not value:
            problem = "is a duplicate" if value else f"has no {column}"
            raise DataError(f"{path}, line {line}: '{name}' {problem}. Fix it.")
        found[record.path] = value
    return found


def apply_labels(manifest: Manifest, labels: Mapping[str, str]) -> Manifest:
    """Give photos other labels; the user's files stay as they are.

    Photos marked `EXCLUDED` are moved to `ignored`. Photos without a line keep their labels, or are ignored if the
    data has none: accepted + rejected + ignored = found still holds.

    Args:
        manifest: the data as ingested, before or after its splits were made.
        labels: family -> class name or `EXCLUDED`, as `read_labels` gives them.

    Raises:
        DataError: a class has no photo left, or there are fewer than two.
    """
    told = {name for name in labels.values() if name != EXCLUDED}
    if manifest.classes and (not told or told & set(manifest.classes)):
        classes = manifest.classes
    else:
        classes = tuple(sorted({name for name in labels.values() if name != EXCLUDED}, key=str.casefold))
    kept: list[ImageRecord] = []
    ignored = list(manifest.ignored)
    for record in manifest.records:
        label = labels.get(record.family, record.class_name)
        if label == EXCLUDED and EXCLUDED not in classes:
            ignored.append(SkippedFile(record.path, f"labelled '{EXCLUDED}'"))
        elif not label:
            ignored.append(SkippedFile(record.path, "has no label"))
        else:
            kept.append(replace(record, class_name=label))
    left = {record.class_name for record in kept}
    for name in classes:
        if name not in left:
            raise DataError(f"with these labels, class '{name}' has no photo left. Label some or remove the class.")
    if len(classes) < 2:
        raise DataError(f"the labels name {len(classes)} classes; telling moods apart needs 2 or more.")
    order = {split: i for i, split in enumerate(("", *SPLITS))}
    kept.sort(key=lambda r: (order[r.split], r.class_name.casefold(), r.path))
    return replace(
        manifest,
        classes=classes,
        records=tuple(kept),
        ignored=tuple(sorted(ignored, key=lambda skipped: skipped.path)),
    )
