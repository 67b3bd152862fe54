"""Writes and reads the files of a run: atomically, in inspectable formats (JSON, CSV), never pickle."""

from __future__ import annotations

import csv
import io
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from petmood.errors import DataError
from petmood.escaping import csv_text, from_csv_cell
from petmood.given import parse_json, read_given
from petmood.records import ImageRecord, Manifest, SkippedFile


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`; on success it replaces `target` in one step, on error it vanishes.

    A reader therefore sees the old file or the new one, never half of one, also after `kill -9`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    # a name of 255 bytes, the most there may be, has no room for more
    temporary = target.with_name(f".{target.name[:50]}.{secrets.token_hex(6)}.part")
    try:
        yield temporary
        # for writing: Windows flushes no file that is open for reading alone
        with temporary.open("r+b") as handle:
            os.fsync(handle.fileno())
        temporary.replace(target)
        sync_folder(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder outlast a power failure, where the system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    # a lone surrogate is a byte of a name that is not Unicode
    write_bytes(path, text.encode(errors="backslashreplace"))


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically: UTF-8, two-space indent, stable key order as given, a final newline."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        DataError: the file is missing or is not JSON.
    """
    try:
        return parse_json(read_given(path))
    except ValueError as error:
        raise DataError(f"{path} is not valid JSON ({error}). Make it again.") from error


_COLUMNS: Final = {field.name: field.type for field in fields(ImageRecord)}
"""Of a manifest, and their types as they are written in the source."""


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write a manifest: a CSV of a row an image, and beside it, as JSON, what is not a row.

    Columns are the fields of `ImageRecord`; `class_name` is called `class`, and `notes` stand in one cell.

    Args:
        path: of the CSV; the JSON has the same name with the suffix `.json`.
        manifest: to write.
    """
    about = {
        "name": manifest.name,
        "layout": manifest.layout,
        "classes": list(manifest.classes),
        "official_splits": manifest.official_splits,
        "family_source": manifest.family_source,
        "found": manifest.found,
        "notes": list(manifest.notes),
        "animals_offered": list(manifest.animals_offered),
        "rejected": [[s.path, s.reason] for s in manifest.rejected],
        "ignored": [[s.path, s.reason] for s in manifest.ignored],
    }
    rows = ([_cell(getattr(record, name)) for name in _COLUMNS] for record in manifest.records)
    header = ["class" if name == "class_name" else name for name in _COLUMNS]
    write_json(path.with_suffix(".json"), about)
    write_text(path, csv_text([header, *rows]))


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return " ".join(value) if isinstance(value, tuple) else str(value)


_READ: Final[dict[Any, Callable[[str], Any]]] = {
    "str": from_csv_cell,
    "int": int,
    "bool": {"true": True, "false": False}.__getitem__,
    "tuple[str, ...]": lambda cell: tuple(cell.split()),
}
"""What makes a value of a cell, by the type of its column."""


def read_manifest(path: Path) -> Manifest:
    """Read a manifest that `write_manifest` wrote.

    Raises:
        DataError: a file of it is missing or was not written by petmood.
    """
    try:
        about = read_json(path.with_suffix(".json"))
        rows = csv.DictReader(io.StringIO(read_given(path).decode("utf-8"), newline=""), strict=True)
        offered = about["animals_offered"]
        return Manifest(
            name=about["name"],
            layout=about["layout"],
            classes=tuple(about["classes"]),
            records=tuple(
                ImageRecord(
                    **{
                        name: _READ[kind](row["class" if name == "class_name" else name])
                        for name, kind in _COLUMNS.items()
                    }
                )
                for row in rows
            ),
            rejected=tuple(SkippedFile(*pair) for pair in about["rejected"]),
            ignored=tuple(SkippedFile(*pair) for pair in about["ignored"]),
            official_splits=about["official_splits"],
            family_source=about["family_source"],
            found=about["found"],
            notes=tuple(about["notes"]),
            animals_offered=(int(offered[0]), str(offered[1])),
        )
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, csv.Error) as error:
        detail = " ".join(str(error).split())[:200]
        raise DataError(f"{path} is not a petmood manifest ({detail}). Make one with: petmood run") from error
