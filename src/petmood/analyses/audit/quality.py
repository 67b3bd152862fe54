"""Raw measures of each photo -> a table of what may be wrong with it: thresholds are applied last, and can be moved.

The issues are those that cleanvision looks for (dark, light, blurry, low information, odd size and shape, duplicates),
and whether a pet is seen at all.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from petmood.analyses.audit.facts import QualityFacts, QualityIssue
from petmood.errors import DataError
from petmood.escaping import csv_text, from_csv_cell
from petmood.features.measures import QUALITY
from petmood.given import read_given
from petmood.records import FloatArray, Manifest
from petmood.store import write_text

ISSUES: Final = ("blurred", "dark", "blown_out", "plain", "tiny", "odd_shape", "odd_size", "no_pet", "near_duplicate")

QualityTable = Mapping[str, NDArray[Any]]
"""Columns by name, each (n,): `path`, `class` and `split` of objects, measures, and `is_ISSUE` of bool."""


@dataclass(frozen=True)
class Thresholds:
    """Where a measure becomes an issue.

    Attributes:
        blurred: sharpness below it; the variance of the Laplacian of a picture of 224 pixels on its longer side.
        dark: brightness of all but the brightest hundredth, 0 to 1, below it.
        blown_out: share of pixels that are white or nearly, above it.
        plain: entropy of the greys, in bits (0 to 8), below it.
        tiny: shorter side in pixels, below it.
        odd_shape: shorter side over longer side, below it.
        odd_size: how many times larger or smaller than the median picture by the root of its pixels, above it.
        no_pet: probability that a pet is seen, below it.
    """

    blurred: float = 20.0
    dark: float = 0.32
    blown_out: float = 0.5
    plain: float = 4.0
    tiny: float = 64.0
    odd_shape: float = 0.35
    odd_size: float = 10.0
    no_pet: float = 0.1


def quality_table(
    manifest: Manifest,
    measured: FloatArray,
    *,
    pet: NDArray[np.floating] | None = None,
    copies: NDArray[np.int64] | None = None,
    thresholds: Thresholds | None = None,
) -> QualityTable:
    """A row an image: its path, class and split, raw measures, and a column of truth for each of `ISSUES`.

    Args:
        manifest: n images.
        measured: (n, 4) float32 of `petmood.features.measures.quality_measures`.
        pet: (n,) probability that a pet is seen, 0 to 1; nan in the table where it is not known.
        copies: (n,) how many other files show the same photo; counted among the n images if None.
        thresholds: where issues begin.
    """
    at = thresholds or Thresholds()
    records = manifest.records
    short = np.array([min(r.width, r.height) for r in records], dtype=np.float64)
    long = np.array([max(r.width, r.height) for r in records], dtype=np.float64)
    side = np.sqrt(short * long)
    times = side / np.median(side) if len(side) else side
    raw = {name: measured[:, i].astype(np.float64) for i, name in enumerate(QUALITY)}
    copies = _copies(manifest) if copies is None else copies
    issues = {
        "blurred": raw["sharpness"] < at.blurred,
        "dark": raw["brightness"] < at.dark,
        "blown_out": raw["white"] > at.blown_out,
        "plain": raw["entropy"] < at.plain,
        "tiny": short < at.tiny,
        "odd_shape": short / long < at.odd_shape,
        "odd_size": np.maximum(times, 1 / times) > at.odd_size,
        "no_pet": np.zeros(len(records), dtype=bool) if pet is None else pet < at.no_pet,
        "near_duplicate": copies > 0,
    }
    return {
        "path": np.array([r.path for r in records], dtype=object),
        "class": np.array([r.class_name for r in records], dtype=object),
        "split": np.array([r.split for r in records], dtype=object),
        **raw,
        "short_side": short.astype(np.int64),
        "shape": short / long,
        "relative_size": times,
        "pet": np.full(len(records), np.nan) if pet is None else pet.astype(np.float64),
        "copies": copies,
        **{f"is_{name}": issues[name] for name in ISSUES},
    }


def _copies(manifest: Manifest) -> NDArray[np.int64]:
    """(n,) int64: how many other files show the same photo."""
    families = manifest.family_index
    counts = np.bincount(families) if len(families) else np.zeros(0, dtype=np.int64)
    return np.asarray(counts[families] - 1, dtype=np.int64)


EXAMPLES: Final = 5


def quality_facts(table: QualityTable) -> QualityFacts:
    """Counts of each issue, its threshold, and the `EXAMPLES` images that show it most."""
    at = Thresholds()
    limits = {field.name: float(getattr(at, field.name)) for field in fields(at)}
    listed = worst_first(table)
    found = [
        QualityIssue(issue=name, images=len(paths), threshold=limits.get(name), worst=tuple(paths[:EXAMPLES]))
        for name, paths in listed.items()
    ]
    poor = np.any([table[f"is_{name}"] for name in ISSUES if name != "near_duplicate"], axis=0)
    return QualityFacts(images=len(poor), with_issue=int(poor.sum()), issues=tuple(found))


def worst_first(table: QualityTable) -> dict[str, list[str]]:
    """Issue -> paths of the images that have it, the worst first."""
    found = {}
    for name in ISSUES:
        column, falling = _ORDER[name]
        rows = np.flatnonzero(table[f"is_{name}"])
        measure = -table[column][rows] if falling else table[column][rows]
        paths = [str(path) for path in table["path"][rows]]
        found[name] = [paths[i] for i in sorted(range(len(rows)), key=lambda i: (measure[i], paths[i]))]
    return found


_ORDER: Final = {
    "blurred": ("sharpness", False),
    "dark": ("brightness", False),
    "blown_out": ("white", True),
    "plain": ("entropy", False),
    "tiny": ("short_side", False),
    "odd_shape": ("shape", False),
    "odd_size": ("relative_size", True),
    "no_pet": ("pet", False),
    "near_duplicate": ("copies", True),
}


def write_quality(path: Path, table: QualityTable) -> None:
    """Write a table of quality as CSV; what is not known is an empty cell."""
    written = [[_cell(value) for value in column.tolist()] for column in table.values()]
    write_text(path, csv_text([list(table), *zip(*written, strict=True)]))


def _cell(value: str | float) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        value += 0.0  # makes 0 of -0, whose sign a spreadsheet would take for a formula's
    return "" if value != value else str(value)


_READ: Final[Mapping[str, tuple[Callable[[str], Any], Any]]] = {
    **dict.fromkeys(("path", "class", "split"), (from_csv_cell, object)),
    **dict.fromkeys(("short_side", "copies"), (int, np.int64)),
    **{f"is_{name}": ({"true": True, "false": False}.__getitem__, np.bool_) for name in ISSUES},
}
"""What makes a value of a cell, and its type; other columns are measures."""


def read_quality(path: Path) -> QualityTable:
    """A table that `write_quality` wrote.

    Raises:
        DataError: it is not such a table.
    """
    try:
        header, *rows = csv.reader(io.StringIO(read_given(path).decode("utf-8"), newline=""), strict=True)
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(header)
        table = {}
        for name, cells in zip(header, columns, strict=True):
            value, kind = _READ.get(name, (lambda cell: float(cell or "nan"), np.float64))
            table[name] = np.array([value(cell) for cell in cells], dtype=kind)
        worst_first(table)
    except (ValueError, KeyError, csv.Error) as error:
        raise DataError(f"{path} is not a table of quality that petmood wrote. Make the run again.") from error
    return table
