"""Run folders: what they were made from."""

from __future__ import annotations

from pathlib import Path

from petmood.store import read_json, write_json, write_text

SOURCE = "source.json"
"""File of a run folder that says where its data was."""

APPLIED_LABELS = "labels-applied.csv"
"""File of a run folder: the labels.csv that the run was given, as it was then."""


def write_source(out: Path, data: Path, labels: Path | None) -> None:
    """Write down where a run's data is, and keep the labels.csv that it was given."""
    write_json(out / SOURCE, {"data": str(data.resolve())})
    if labels is not None:
        write_text(out / APPLIED_LABELS, labels.read_text(encoding="utf-8-sig"))


def read_source(run: Path) -> Path | None:
    """Where the data of a run was when it was made; None if the run does not say."""
    written = run / SOURCE
    return Path(read_json(written)["data"]) if written.exists() else None
