"""Run folders: what they were made from."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from petmood.config import ReadOptions, reading_options
from petmood.errors import DataError
from petmood.sources.hub import is_hub
from petmood.store import read_json, write_json, write_text

SOURCE = "source.json"
"""File of a run folder that says where its data was."""

MANIFEST = "manifest.csv"
"""File of a run folder: a row an image."""

MANIFEST_ABOUT = "manifest.json"
"""File of a run folder: what of the manifest is not a row, such as what was rejected or ignored."""

QUALITY = "quality.csv"
"""File of a run folder: raw measures of each photo, and what may be wrong with it."""

SETTINGS = "settings.toml"
"""File of a run folder: every setting that was in force."""

ANIMALS = "animals-offered.csv"
"""File of a run folder: photos that may show one animal again, in groups, to be checked and given to `--group-by`."""

APPLIED_LABELS = "labels-applied.csv"
"""File of a run folder: the labels.csv that the run was given, as it was then."""


def write_source(out: Path, data: Path, labels: Path | None) -> None:
    """Write down where a run's data is and how it was read, and keep the labels.csv that it was given."""
    place = str(data) if is_hub(data.as_posix()) and not data.exists() else str(data.resolve())
    reading = reading_options().model_dump(mode="json", exclude_defaults=True)
    write_json(out / SOURCE, {"data": place, "reading": reading})
    if labels is not None:
        write_text(out / APPLIED_LABELS, labels.read_text(encoding="utf-8-sig"))


def read_source(run: Path) -> Path | None:
    """Where the data of a run was when it was made; None if the run does not say."""
    written = run / SOURCE
    return Path(read_json(written)["data"]) if written.exists() else None


def read_reading(run: Path) -> ReadOptions:
    """How the data of a run was read."""
    written = run / SOURCE
    said = read_json(written).get("reading", {}) if written.exists() else {}
    try:
        return ReadOptions.model_validate_json(json.dumps(said))
    except ValidationError as error:
        raise DataError(f"{written} does not say how the data were read. Make the run again.") from error
