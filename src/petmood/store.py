"""Writes and reads the files of a run: atomically, in inspectable formats (JSON, Parquet), never pickle."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from petmood.errors import DataError
from petmood.given import parquet_damage, parse_json, read_given
from petmood.records import ImageRecord, Manifest, SkippedFile

if TYPE_CHECKING:
    import polars as pl


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
    # a lone surrogate is a byte of a name that is no Unicode
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


_MANIFEST_META = "petmood_manifest"


def manifest_frame(manifest: Manifest) -> pl.DataFrame:
    """One row for each accepted image, a column for each field of ImageRecord (`class_name` is called `class`)."""
    import polars as pl

    records = manifest.records
    return pl.DataFrame(
        {
            "path": [r.path for r in records],
            "class": [r.class_name for r in records],
            "split": [r.split for r in records],
            "family": [r.family for r in records],
            "derived": [r.derived for r in records],
            "sha256": [r.sha256 for r in records],
            "width": [r.width for r in records],
            "height": [r.height for r in records],
            "format": [r.format for r in records],
            "size_bytes": [r.size_bytes for r in records],
            "mode": [r.mode for r in records],
            "reoriented": [r.reoriented for r in records],
            "species": [r.species for r in records],
            "animal": [r.animal for r in records],
            "fold": [r.fold for r in records],
            "notes": [" ".join(r.notes) for r in records],
        },
        schema={
            "path": pl.String,
            "class": pl.String,
            "split": pl.String,
            "family": pl.String,
            "derived": pl.Boolean,
            "sha256": pl.String,
            "width": pl.Int32,
            "height": pl.Int32,
            "format": pl.String,
            "size_bytes": pl.Int64,
            "mode": pl.String,
            "reoriented": pl.Boolean,
            "species": pl.String,
            "animal": pl.String,
            "fold": pl.String,
            "notes": pl.String,
        },
    )


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write a manifest as Parquet: a row an image, and what is not a row in the file's metadata (JSON)."""
    meta = {
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
    with atomic_path(path) as temporary:
        manifest_frame(manifest).write_parquet(temporary, metadata={_MANIFEST_META: json.dumps(meta)})


def read_manifest(path: Path) -> Manifest:
    """Read a manifest that `write_manifest` wrote.

    Raises:
        DataError: the file is missing or was not written by petmood.
    """
    import polars as pl

    try:
        meta = parse_json(pl.read_parquet_metadata(path)[_MANIFEST_META])
        rows = pl.read_parquet(path).rename({"class": "class_name"}).to_dicts()
        offered = meta.get("animals_offered", (0, ""))
        return Manifest(
            name=meta["name"],
            layout=meta["layout"],
            classes=tuple(meta["classes"]),
            records=tuple(ImageRecord(**row | {"notes": tuple(row.get("notes", "").split())}) for row in rows),
            rejected=tuple(SkippedFile(*pair) for pair in meta["rejected"]),
            ignored=tuple(SkippedFile(*pair) for pair in meta["ignored"]),
            official_splits=meta["official_splits"],
            family_source=meta["family_source"],
            found=meta["found"],
            notes=tuple(meta.get("notes", ())),
            animals_offered=(int(offered[0]), str(offered[1])),
        )
    except parquet_damage(KeyError, TypeError, AttributeError, IndexError) as error:
        detail = " ".join(str(error).split())[:200]
        raise DataError(f"{path} is not a petmood manifest ({detail}). Make one with: petmood run") from error
