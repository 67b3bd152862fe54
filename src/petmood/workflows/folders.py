"""Run folders: which ones may be written to."""

from __future__ import annotations

from pathlib import Path

from petmood.errors import DataError
from petmood.store import write_text

MARKER = ".petmood-run"


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
