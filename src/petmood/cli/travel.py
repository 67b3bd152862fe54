"""`petmood travel`: what a model trained on some sources of labelled pictures is worth on another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("travel")(travel)


def travel(
    data: Annotated[
        list[Path], typer.Argument(help="Two or more: folder or .zip of labelled faces.", show_default=False)
    ],
    mapping: Annotated[
        list[str] | None, typer.Option("--map", help="Class of another set, THEIRS=OURS.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for travel.html and travel.json.", show_default=False)
    ] = None,
    backbone: Annotated[str, typer.Option(help="Frozen network with an ImageNet head.")] = "efficientnet-lite0",
    seed: Annotated[int, typer.Option(help="Seed of folds and intervals.")] = 42,
    methods: Annotated[
        bool, typer.Option("--methods", help="Also everything that was tried, and certainty of one source (slow).")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the facts as JSON.")] = False,
) -> None:
    """Judge each of several data sets by a model of the others; photos that they share are found and left out."""
    from petmood.analyses.travel.words import lines
    from petmood.cli.console import Bars, console
    from petmood.dataset.outside import parse_map
    from petmood.jobs.travel import travel as work

    facts = work(
        data,
        parse_map(mapping or ()),
        out,
        Bars(console(stderr=True)),
        backbone=backbone,
        seed=seed,
        methods=methods,
    )
    if json:
        typer.echo(facts.model_dump_json(indent=2))
        return
    for line in lines(facts):
        typer.echo(line)
    if out is not None:
        typer.echo(f"\nPage: {out / 'travel.html'}")
