"""`petmood labels` and `petmood export-data`: labels in doubt, and a copy of the data with corrected ones."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from petmood.cli.reading import reads_data

if TYPE_CHECKING:
    from petmood.analyses.labels.facts import LabelFacts


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("labels")(reads_data(labels))
    app.command("export-data")(reads_data(export_data))


def labels(
    data: Annotated[Path, typer.Argument(help="Folder or .zip of labelled faces.", show_default=False)],
    backbone: Annotated[
        list[str] | None,
        typer.Option(help="Network whose features vote; may be given again.", show_default="lite0 and lite1"),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of every random choice.", show_default="42")] = None,
    folds: Annotated[int | None, typer.Option(help="Folds of cross-validation.", show_default="5")] = None,
    labels: Annotated[Path | None, typer.Option(help="labels.csv that replaces labels.", show_default=False)] = None,
    reader: Annotated[
        Path | None, typer.Option(help="labels.csv of a second reader: another estimate.", show_default=False)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the facts as JSON.")] = False,
) -> None:
    """Find labels that are likely wrong, and say how many there may be."""
    from petmood.analyses.labels.compute import BACKBONES, find_suspects
    from petmood.cli.console import Bars, print_json
    from petmood.config import run_settings
    from petmood.errors import require_extra

    # with backbones of the user's own, only what they need
    require_extra("Finding suspect labels", "labels", *(["cleanlab"] if backbone else []))
    outcome = find_suspects(
        data, run_settings("quick", seed=seed, folds=folds), backbone or BACKBONES, Bars(), labels=labels, reader=reader
    )
    if json:
        print_json({**outcome.facts.model_dump(mode="json"), "ranking": list(outcome.ranking)})
    else:
        _summary(outcome.facts)


def _summary(facts: LabelFacts) -> None:
    from rich.table import Table

    from petmood.cli.console import console

    out = console()
    table = Table("", "photo", "given", "suggested", "why", title=f"{facts.flagged} of {facts.n} labels in doubt")
    for s in facts.suspects[:20]:
        table.add_row(str(s.rank), s.path, s.given, s.suggested, s.why)
    out.print(table)
    from petmood.analyses.labels.words import estimate_sentence

    for estimate in facts.estimates:
        out.print(estimate_sentence(estimate, facts), soft_wrap=True)
    if facts.check:
        c = facts.check
        out.print(
            f"Check: of {c.changed} labels changed on purpose {c.recall:.0%} are among the first {c.changed} suspects; "
            f"average precision {c.average_precision:.2f}, by chance {c.share:.2f}."
        )


def export_data(
    data: Annotated[Path, typer.Argument(help="Folder, .zip or .parquet of faces, or hf:NAME.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="New folder for the copy.", show_default=False)],
    labels: Annotated[Path | None, typer.Option(help="labels.csv with the corrections.", show_default=False)] = None,
    to: Annotated[str, typer.Option(help="folders, imagefolder, yolo-cls or csv.")] = "folders",
    seed: Annotated[int, typer.Option(help="Seed of splits that must be made.")] = 42,
    families: Annotated[str, typer.Option(help="How copies are found: auto, names, pixels or both.")] = "auto",
    allow_leakage: Annotated[
        bool, typer.Option("--allow-leakage", help="Go on though the data's own splits share photos.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the facts as JSON.")] = False,
) -> None:
    """Copy a data set for other trainers, with families, splits and corrected labels; the originals stay."""
    from petmood.cli.console import Bars, print_json
    from petmood.jobs.export_data import export_data as work

    outcome = work(data, out, labels, Bars(), to=to, seed=seed, families=families, allow_leakage=allow_leakage)
    if json:
        print_json({**asdict(outcome), "folder": str(outcome.folder)})
        return
    typer.echo(
        f"{'Listed' if to == 'csv' else 'Copied'} {outcome.files:,} files to {outcome.folder}: "
        f"{outcome.relabelled:,} photos have another label, {outcome.excluded:,} were left out."
    )
