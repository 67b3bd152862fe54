"""Run folders: which ones may be written to, and what they were made from."""

from __future__ import annotations

from pathlib import Path

from petmood.errors import DataError
from petmood.store import read_json, write_json, write_text

MARKER = ".petmood-run"

SOURCE = "source.json"
"""File of a run folder that says where its data was."""

APPLIED_LABELS = "labels-applied.csv"
"""File of a run folder: the labels.csv that the run was given, as it was then."""


def claim_run_folder(out: Path, data: Path) -> None:
    """Make a run folder, or accept one that an earlier run made.

    Raises:
        DataError: `out` is a file, lies inside the data, or holds files that are not a run's.
    """
    if out.exists() and not out.is_dir():
        raise DataError(f"{out} is a file; --out needs a folder. Choose another path.")
    inside = data.is_dir() and (out.resolve() == data.resolve() or data.resolve() in out.resolve().parents)
    if inside:
        raise DataError(f"--out {out} lies inside the data {data}; results would mix with images. Choose another path.")
    if out.is_dir() and any(out.iterdir()) and not (out / MARKER).exists():
        raise DataError(f"{out} is not empty and is not a petmood run. Choose a new folder, so that nothing is lost.")
    try:
        write_text(out / MARKER, "This folder was made by petmood; it may be written to again.\n")
    except OSError as error:
        raise DataError(f"cannot write to {out}: {error.strerror}. Choose another folder for --out.") from error


def write_source(out: Path, data: Path, labels: Path | None) -> None:
    """Write down where a run's data is, and keep the labels.csv that it was given."""
    write_json(out / SOURCE, {"data": str(data.resolve())})
    kept = out / APPLIED_LABELS
    if labels is None:
        kept.unlink(missing_ok=True)
    elif labels.resolve() != kept.resolve():
        write_text(kept, labels.read_text(encoding="utf-8-sig"))


def read_source(run: Path) -> Path | None:
    """Where the data of a run was when it was made; None if the run does not say."""
    written = run / SOURCE
    return Path(read_json(written)["data"]) if written.exists() else None
