"""Raw measures of each photo -> a table of what may be wrong with it: thresholds are applied last, and can be moved.

The issues are those that cleanvision looks for (dark, light, blurry, low information, odd size and shape, duplicates),
and whether a pet is seen at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from petmood.analyses.audit.facts import QualityFacts, QualityIssue
from petmood.errors import DataError
from petmood.escaping import csv_cell, from_csv_cell
from petmood.features.measures import QUALITY
from petmood.given import parquet_damage
from petmood.records import FloatArray, Manifest
from petmood.store import atomic_path

if TYPE_CHECKING:
    import polars as pl

ISSUES: Final = ("blurred", "dark", "blown_out", "plain", "tiny", "odd_shape", "odd_size", "no_pet", "near_duplicate")


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
) -> pl.DataFrame:
    """A row an image: its path, class and split, raw measures, and a column of truth for each of `ISSUES`.

    Args:
        manifest: n images.
        measured: (n, 4) float32 of `petmood.features.measures.quality_measures`.
        pet: (n,) probability that a pet is seen, 0 to 1; null in the table where it is not known.
        copies: (n,) how many other files show the same photo; counted among the n images if None.
        thresholds: where issues begin.
    """
    import polars as pl

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
    return pl.DataFrame(
        {
            "path": [r.path for r in records],
            "class": [r.class_name for r in records],
            "split": [r.split for r in records],
            **raw,
            "short_side": short.astype(np.int64),
            "shape": short / long,
            "relative_size": times,
            "pet": pl.Series([None] * len(records) if pet is None else pet, dtype=pl.Float64),
            "copies": copies,
            **{f"is_{name}": issues[name] for name in ISSUES},
        }
    )


def _copies(manifest: Manifest) -> NDArray[np.int64]:
    """(n,) int64: how many other files show the same photo."""
    families = manifest.family_index
    counts = np.bincount(families) if len(families) else np.zeros(0, dtype=np.int64)
    return np.asarray(counts[families] - 1, dtype=np.int64)


def quality_facts(table: pl.DataFrame, thresholds: Thresholds | None = None, examples: int = 5) -> QualityFacts:
    """Counts of each issue, its threshold, and the images that show it most.

    Args:
        table: of `quality_table`.
        thresholds: that it was made with.
        examples: paths named for each issue.
    """
    at = thresholds or Thresholds()
    limits = {field.name: float(getattr(at, field.name)) for field in fields(at)}
    listed = worst_first(table)
    found = [
        QualityIssue(issue=name, images=len(paths), threshold=limits.get(name), worst=tuple(paths[:examples]))
        for name, paths in listed.items()
    ]
    any_of = table.select([f"is_{name}" for name in ISSUES if name != "near_duplicate"])
    return QualityFacts(images=len(table), with_issue=_any(any_of.to_numpy()), issues=tuple(found))


def worst_first(table: pl.DataFrame) -> dict[str, list[str]]:
    """Issue -> paths of the images that have it, the worst first."""
    found = {}
    for name in ISSUES:
        column, falling = _ORDER[name]
        rows = table.filter(table[f"is_{name}"])
        found[name] = rows.sort([column, "path"], descending=[falling, False])["path"].to_list()
    return found


def _any(flags: NDArray[np.bool_]) -> int:
    return int(flags.any(axis=1).sum())


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


def write_quality(path: Path, table: pl.DataFrame, columns: Sequence[str] | None = None) -> None:
    """Write a table of quality as CSV."""
    import polars as pl

    chosen = table if columns is None else table.select(columns)
    names = [name for name in ("path", "class", "split") if name in chosen.columns]
    # a name that looks like a formula must not become one in a spreadsheet
    safe = chosen.with_columns(pl.col(name).map_elements(csv_cell, pl.String) for name in names)
    with atomic_path(path) as temporary:
        # not by its path: polars takes none that is not Unicode
        temporary.write_text(safe.write_csv(), encoding="utf-8")


def read_quality(path: Path) -> pl.DataFrame:
    """A table that `write_quality` wrote.

    Raises:
        DataError: it is not such a table.
    """
    import polars as pl

    try:
        # a class may be called 1, and a path too
        table = pl.read_csv(path, schema_overrides={"path": pl.String, "class": pl.String, "split": pl.String})
        table = table.with_columns(pl.col("path", "class").map_elements(from_csv_cell, pl.String))
        worst_first(table)
    except parquet_damage() as error:
        raise DataError(f"{path} is no table of quality that petmood wrote. Make the run again.") from error
    return table
