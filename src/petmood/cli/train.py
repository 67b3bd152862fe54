"""`petmood train`: train one model and save it as a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from petmood.bundle import ModelDescription


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("train")(train)


def train(
    data: Annotated[Path, typer.Argument(help="Folder or .zip of labelled faces.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="The bundle: a folder or a .zip.", show_default=False)],
    model: Annotated[
        str, typer.Option(help="head: logistic regression on frozen features; cnn1, cnn2: the networks of the study.")
    ] = "head",
    preset: Annotated[str, typer.Option(help="quick: a CNN at 64 pixels; full: at 224, as in the study.")] = "quick",
    backbone: Annotated[
        str | None, typer.Option(help="Frozen network that makes features.", show_default="efficientnet-lite0")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of every random choice.", show_default="42")] = None,
    thumbnails: Annotated[
        bool, typer.Option("--thumbnails", help="Keep small copies of the training photos in the bundle.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the bundle's model.json instead of a summary.")] = False,
) -> None:
    """Train a model on labelled faces, evaluate it and save it as a bundle."""
    from petmood.cli.console import Bars
    from petmood.config import run_settings
    from petmood.workflows.train import train as work

    settings = run_settings(preset, seed=seed, backbone=backbone)
    outcome = work(data, out, model, settings, Bars(), thumbnails=thumbnails)
    if json:
        typer.echo((outcome.description).model_dump_json(by_alias=True, indent=2))
    else:
        _summary(outcome.description, outcome.bundle)


def _summary(model: ModelDescription, bundle: Path) -> None:
    from rich.table import Table

    from petmood.cli.console import console

    out = console()
    table = Table("model", "protocol", "n", "accuracy", "95 % interval", "macro-F1")
    for entry in model.evaluation:
        low, high = entry.accuracy_ci
        scores = (f"{entry.accuracy:.3f}", f"{low:.3f} to {high:.3f}", f"{entry.macro_f1:.3f}")
        table.add_row(entry.title, entry.protocol, str(entry.n), *scores)
    out.print(table)
    out.print(f"Bundle: {bundle}\nTry it: petmood predict {bundle} PHOTO", soft_wrap=True)
