"""`petmood demo-data`: draw the embedded demo set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo-data")(demo_data)


def demo_data(
    out: Annotated[Path, typer.Argument(help="Folder to make.", show_default=False)],
    seed: Annotated[int, typer.Option(help="Seed of every drawing.")] = 0,
) -> None:
    """Draw a small set of cartoon pet faces with known flaws, and write the truth beside it."""
    from petmood.cli.console import Bars
    from petmood.demo import write_demo

    with Bars().stage("Drawing pet faces") as tick:
        write_demo(out, seed=seed, progress=tick)
    typer.echo(f"Data:  {out / 'data'}\nTruth: {out / 'truth.json'}")
