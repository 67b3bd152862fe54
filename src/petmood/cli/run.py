"""`petmood run`: the whole main job from a folder or zip to a report."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path
from shlex import quote
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
    Track,
    fresh,
)
from petmood.cli.reading import reads_data, searches_copies

if TYPE_CHECKING:
    from petmood.jobs.run import RunOutcome


@searches_copies
@reads_data
def run(
    data: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATA [OTHERS]...",
            help="Folder or .zip of labelled faces; others after it tell how far it travels.",
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
    cnn_threads: Annotated[
        int | None,
        typer.Option(help="Threads that train the CNN, 0 for one a core.", show_default="1; full: 0"),
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
    track: Track = None,
    figures: Annotated[
        Literal["svg", "pdf"], typer.Option(metavar="KIND", help="Charts beside the report: svg, or pdf for both.")
    ] = "svg",
    json: Json = False,
) -> None:
    """Do it all: audit, train, evaluate, and write a report."""
    from petmood.cli.console import Bars, quiet, tell, verbose
    from petmood.config import run_settings
    from petmood.dataset.outside import parse_map
    from petmood.jobs.run import run as work
    from petmood.jobs.tracking import record_of, tracking

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
        cnn_threads=cnn_threads,
        n_init=n_init,
        image_size=image_size,
        samples=samples,
        allow_leakage=allow_leakage,
        families=families,
    )
    place = out or fresh(data[0])
    with tracking(track or (), f"run {place.name}") as records:
        outcome = work(
            data[0],
            place,
            settings,
            Bars(),
            labels=labels,
            groups=groups,
            species=species,
            others=data[1:],
            mapping=parse_map(mapping or ()),
            pdf=figures == "pdf",
        )
        facts, kept = outcome.results, ("report.html", "results.json", "settings.toml", "model")
        files = [place / name for name in kept]
        records.append(record_of((*facts.models, *facts.baselines), settings.model_dump(mode="json"), files))
    tell(outcome.results, json, [str(place)] if quiet() else ending(outcome, data[0], verbose=verbose()))


def ending(outcome: RunOutcome, data: Path, *, verbose: bool = False) -> Iterator[str]:
    """What a run says at its end, in lines of 80 columns whose paths and commands are whole.

    Args:
        outcome: of the run.
        data: as the user named it.
        verbose: whether every figure is told too.
    """
    from petmood.analyses.page import cautions
    from petmood.analyses.travel.facts import TravelFacts
    from petmood.analyses.travel.words import lead as travel_lead
    from petmood.cli.console import figure_lines
    from petmood.errors import install_line
    from petmood.report.beside import SUSPECTS
    from petmood.report.cautions import caution
    from petmood.report.facts import protocols
    from petmood.report.summarize import lead, title
    from petmood.report.wording import LEFT_OUT, THIN, count, plural

    results, folder = outcome.results, outcome.folder
    found, facts = protocols(results), results.dataset
    yield ""
    yield from _wrapped(
        f"{facts.name}: {count(facts.images)} images of {plural(facts.photos, 'photo')}, {len(facts.classes)} classes; "
        f"{len(facts.rejected)} rejected, {len(facts.ignored)} ignored"
    )
    yield ""
    yield from _wrapped(title(found))
    yield from _wrapped(lead(found).replace(THIN, " "))
    travel = results.of(TravelFacts)
    if travel is not None and len(travel.sources) > 1:
        yield from _wrapped(f"Does it travel? {travel_lead(travel)} Every other figure is of {facts.name} alone.")
    if verbose:
        yield ""
        yield from figure_lines((*results.models, *results.baselines))
    warnings = [caution(w) for w in cautions(results)]
    warnings += [f"Every figure is {mark}." for mark in {m.mark for m in results.models if m.mark}]
    warnings += [f"Left out: {LEFT_OUT[x]}. To add it: {install_line(x)}" for x in results.environment.left_out]
    if warnings:
        yield "\nWarnings:"
        for text in warnings:
            yield from _wrapped(text.replace(THIN, " "), "- ")
    flagged = getattr(results.analyses.get("labels"), "flagged", 0)
    saved = (folder / "model").is_dir()
    yield f"\nReport: {outcome.report}"
    if saved:
        yield f"Model: {folder / 'model'}"
    if (folder / SUSPECTS).is_file():
        yield f"Suspects: {folder / SUSPECTS} ({plural(flagged, 'label')} in doubt)"
    yield "\nNext:"
    run, model = quote(str(folder)), quote(str(folder / "model"))
    review = f"petmood review {run}"
    if saved:
        yield from (f"  petmood predict {model} PHOTO", f"  {review}", f"  petmood serve {model}")
    else:
        yield from (f"  {review}", f"  petmood audit {quote(str(data))}", "  petmood train --help")


def _wrapped(text: str, mark: str = "") -> Iterator[str]:
    from petmood.escaping import one_line

    lines = textwrap.wrap(
        one_line(text),
        80,
        initial_indent=mark,
        subsequent_indent=" " * len(mark),
        break_long_words=False,
        break_on_hyphens=False,
    )
    yield from lines
