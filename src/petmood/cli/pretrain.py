"""`petmood pretrain`: fine-tune a backbone on outside images once, to be used frozen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from petmood.cli.options import Json, Out, SeedOf
from petmood.cli.reading import reads_data


@reads_data
def pretrain(
    outside: Annotated[
        Path,
        typer.Argument(metavar="OUTSIDE", help="Folder or .zip of outside labelled images.", show_default=False),
    ],
    data: Annotated[
        Path, typer.Option("--for", metavar="DATA", help="The data to be evaluated, kept out.", show_default=False)
    ],
    out: Out = None,
    epochs: Annotated[int, typer.Option(help="Passes through the images.")] = 5,
    seed: SeedOf = 42,
    json: Json = False,
) -> None:
    """Fine-tune a backbone on outside images.

    The upper half of it, once; it is then used frozen.
    """
    from petmood.cli.console import Bars, console
    from petmood.cli.places import fresh
    from petmood.jobs.pretrain import PretrainSettings
    from petmood.jobs.pretrain import pretrain as work

    facts = work(outside, data, out or fresh(outside, "backbone"), PretrainSettings(epochs, seed), Bars())
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
