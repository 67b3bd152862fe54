"""`petmood export-data`: a corrected copy of a data set."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("export-data")(export_data)


def export_data(
    data: Annotated[Path, typer.Argument(help="Folder or .zip of faces.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="New folder for the copy.", show_default=False)],
    labels: Annotated[Path, typer.Option(help="labels.csv with the corrections.", show_default=False)],
    json: Annotated[bool, typer.Option("--json", help="Print the facts as JSON.")] = False,
) -> None:
    """Copy a data set with corrected labels; the originals stay as they are."""
    from petmood.cli.console import Bars, print_json
    from petmood.workflows.labelling import export_data as work

    outcome = work(data, out, labels, Bars())
    if json:
        print_json({**asdict(outcome), "folder": str(outcome.folder)})
        return
    typer.echo(
        f"Copied {outcome.files:,} files to {outcome.folder}: {outcome.relabelled:,} photos have another label, "
        f"{outcome.excluded:,} were left out."
    )
