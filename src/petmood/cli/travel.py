"""`petmood travel`: what a model trained on some sources of labelled pictures is worth on another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from petmood.cli.options import Json, Mapping, Page


def travel(
    data: Annotated[
        list[Path],
        typer.Argument(metavar="DATA...", help="Two or more: folder or .zip of labelled faces.", show_default=False),
    ],
    mapping: Mapping = None,
    out: Page = None,
    backbone: Annotated[
        str, typer.Option(metavar="NAME", help="Frozen network with an ImageNet head.")
    ] = "efficientnet-lite0",
    seed: Annotated[int, typer.Option(help="Seed of folds and intervals.")] = 42,
    methods: Annotated[
        bool, typer.Option("--methods", help="Also everything that was tried, and certainty of one source (slow).")
    ] = False,
    json: Json = False,
) -> None:
    """Judge each of several data sets by a model of the others.

    Photos that they share are found and left out.
    """
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
