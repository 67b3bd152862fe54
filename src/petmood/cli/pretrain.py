"""`petmood pretrain`: fine-tune a backbone on outside images once, to be used frozen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from petmood.cli.reading import reads_data


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("pretrain")(reads_data(pretrain))


def pretrain(
    outside: Annotated[Path, typer.Argument(help="Folder or .zip of outside labelled images.", show_default=False)],
    data: Annotated[Path, typer.Option("--for", help="The data to be evaluated, kept out.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the backbone.", show_default=False)],
    epochs: Annotated[int, typer.Option(help="Passes through the images.")] = 5,
    seed: Annotated[int, typer.Option(help="Seed of every random choice.")] = 42,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a summary.")] = False,
) -> None:
    """Fine-tune the upper half of a backbone on outside images, and save it to be used frozen."""
    from petmood.cli.console import Bars, console
    from petmood.jobs.pretrain import PretrainSettings
    from petmood.jobs.pretrain import pretrain as work

    facts = work(outside, data, out, PretrainSettings(epochs, seed), Bars())
    if json:
        typer.echo(facts.model_dump_json(indent=2))
        return
    low, high = facts.accuracy_ci
    console().print(
        f"{facts.images:,} images trained on, {len(facts.left_out)} left out as resembling {data.name}.\n"
        f"Accuracy on {facts.held_out} others: {facts.accuracy:.3f} (95 % interval {low:.3f} to {high:.3f}).\n"
        f"Use it: petmood leaderboard {data} --use outside={facts.backbone}",
        soft_wrap=True,
    )
