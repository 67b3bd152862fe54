"""`petmood leaderboard`: every registered method, evaluated honestly, as a table, JSON or a page of documentation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from petmood.cli.options import Data, Json, Mapping, Use
from petmood.cli.reading import reads_data

if TYPE_CHECKING:
    from petmood.results.methods import LeaderboardFacts


@reads_data
def leaderboard(
    data: Data,
    only: Annotated[
        list[str] | None, typer.Option(metavar="METHOD", help="Score this method alone.", show_default="all")
    ] = None,
    repeats: Annotated[int, typer.Option(help="Repeats of cross-validation, at most.")] = 10,
    folds: Annotated[int, typer.Option(help="Folds of cross-validation.")] = 5,
    seed: Annotated[int, typer.Option(help="Seed of the first repeat.")] = 42,
    extra: Annotated[
        Path | None, typer.Option(metavar="DATA", help="Outside labelled images, for training only.")
    ] = None,
    mapping: Mapping = None,
    use: Use = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Also write it as Markdown.")] = None,
    json: Json = False,
) -> None:
    """Evaluate every method by cross-validation and on test."""
    from contextlib import nullcontext

    from petmood.cli.console import Bars
    from petmood.dataset.outside import parse_map
    from petmood.files import output_file
    from petmood.methods.leaderboard import leaderboard as work
    from petmood.methods.reading import Means
    from petmood.methods.standings import LeaderboardSettings
    from petmood.report.leaderboard import markdown
    from petmood.store import write_text

    means = Means(parse_map(use or (), "--use"), extra, parse_map(mapping or ()))
    settings = LeaderboardSettings(tuple(only or ()), seed, folds, repeats, means)
    with nullcontext() if out is None else output_file(out, [data, extra]) as made:
        found = work(data, settings, Bars())
        if made is not None:
            write_text(made, markdown(found))
    if json:
        typer.echo(found.model_dump_json(indent=2))
    else:
        _table(found)


def _table(found: LeaderboardFacts) -> None:
    from petmood.cli.console import console, table_of

    table = table_of("method", "grouped accuracy", "95 % interval", "macro-F1", "test", "n", "repeats", "seconds")
    for row in found.methods:
        low, high = row.grouped_accuracy_ci
        table.add_row(
            row.name,
            f"{row.grouped_accuracy:.3f}",
            f"{low:.3f} to {high:.3f}",
            f"{row.grouped_macro_f1:.3f}",
            f"{round(row.test_accuracy * row.test_n)}/{row.test_n}",
            str(row.n),
            str(row.repeats),
            f"{row.seconds:.1f}",
        )
    console().print(table)
    for left in found.left_out:
        console(stderr=True).print(f"left out: {left.name} {left.reason}")
