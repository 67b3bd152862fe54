"""`petmood run`: the whole main job from a folder or zip to a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from petmood.cli.options import (
    AllowLeakage,
    Backbone,
    Families,
    Folds,
    Groups,
    Json,
    Labels,
    Mapping,
    Out,
    Preset,
    Seed,
    Species,
)
from petmood.cli.reading import reads_data

if TYPE_CHECKING:
    from petmood.jobs.run import RunOutcome


@reads_data
def run(
    data: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATA [OTHERS]...",
            help="Folder or .zip of labelled faces; others after it tell how far it travels.",
            show_default=False,
        ),
    ],
    out: Out = None,
    preset: Preset = "quick",
    seed: Seed = None,
    backbone: Backbone = None,
    folds: Folds = None,
    repeats: Annotated[
        int | None, typer.Option(help="Repeats of cross-validation.", show_default="2; full: 10")
    ] = None,
    cnn: Annotated[bool, typer.Option("--cnn/--no-cnn", help="Train the study's CNN.")] = True,
    cnn_size: Annotated[
        int | None, typer.Option(help="Side in pixels of the CNN's input.", show_default="64; full: 224")
    ] = None,
    cnn_epochs: Annotated[int | None, typer.Option(help="Epochs of the CNN.", show_default="10")] = None,
    cnn_precision: Annotated[
        Literal["float32", "bfloat16", "auto"] | None,
        typer.Option(metavar="KIND", help="float32, bfloat16 or auto.", show_default="auto; full: float32"),
    ] = None,
    n_init: Annotated[int | None, typer.Option(help="Starts of k-means.", show_default="10")] = None,
    image_size: Annotated[
        int | None, typer.Option(help="Side in pixels to which images are prepared.", show_default="224")
    ] = None,
    samples: Annotated[int | None, typer.Option(help="Pictures shown in the report.", show_default="15")] = None,
    labels: Labels = None,
    allow_leakage: AllowLeakage = False,
    families: Families = "auto",
    groups: Groups = None,
    species: Species = None,
    mapping: Mapping = None,
    json: Json = False,
) -> None:
    """Do it all: audit, train, evaluate, and write a report."""
    from petmood.cli.console import Bars
    from petmood.cli.places import fresh
    from petmood.config import run_settings
    from petmood.dataset.outside import parse_map
    from petmood.jobs.run import run as work

    settings = run_settings(
        preset,
        seed=seed,
        backbone=backbone,
        folds=folds,
        repeats=repeats,
        cnn=cnn,
        cnn_size=cnn_size,
        cnn_epochs=cnn_epochs,
        cnn_precision=cnn_precision,
        n_init=n_init,
        image_size=image_size,
        samples=samples,
        allow_leakage=allow_leakage,
        families=families,
    )
    outcome = work(
        data[0],
        out or fresh(data[0]),
        settings,
        Bars(),
        labels=labels,
        groups=groups,
        species=species,
        others=data[1:],
        mapping=parse_map(mapping or ()),
    )
    if json:
        typer.echo(outcome.results.model_dump_json(by_alias=True, indent=2))
    else:
        _summary(outcome)


def _summary(outcome: RunOutcome) -> None:
    from rich.table import Table

    from petmood.analyses.travel.facts import TravelFacts
    from petmood.analyses.travel.words import lead
    from petmood.cli.console import console
    from petmood.errors import install_line
    from petmood.report.wording import LEFT_OUT

    results = outcome.results
    data = results.dataset
    out = console()
    out.print(
        f"\n{data.name}: {data.images:,} images of {data.photos:,} photos, {len(data.classes)} classes; "
        f"{len(data.rejected)} rejected, {len(data.ignored)} ignored"
    )
    table = Table("model", "protocol", "n", "accuracy", "95 % interval", "macro-F1")
    for model in (*results.baselines, *results.models):
        low, high = model.accuracy_ci
        table.add_row(
            f"{model.title} (leaks)" if model.mark else model.title,
            model.protocol,
            str(model.n),
            f"{model.accuracy:.3f}",
            f"{low:.3f} to {high:.3f}",
            f"{model.macro_f1:.3f}",
        )
    out.print(table)
    for mark in {model.mark for model in results.models if model.mark}:
        out.print(f"Every figure above is {mark}.", style="bold red", soft_wrap=True)
    for extra in results.environment.left_out:
        out.print(f"Left out: {LEFT_OUT[extra]}. To add it: {install_line(extra)}", soft_wrap=True, markup=False)
    travel = results.of(TravelFacts)
    if travel is not None and len(travel.sources) > 1:
        out.print(f"Does it travel? {lead(travel)}", soft_wrap=True, markup=False)
        out.print(f"Every other figure is of {data.name} alone.", soft_wrap=True, markup=False)
    out.print(f"Report: {outcome.report}", soft_wrap=True)
