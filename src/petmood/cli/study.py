"""`petmood study`: the reference study, replicated section by section."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from petmood.cli.reading import reads_data

if TYPE_CHECKING:
    from petmood.study import StudyOutcome


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("study")(reads_data(study))


def study(
    data: Annotated[Path, typer.Argument(help="Folder or .zip of labelled faces.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the results.", show_default=False)],
    epochs: Annotated[int, typer.Option(help="Epochs of each training, at most.")] = 10,
    seeds: Annotated[int, typer.Option(help="Trainings of CNN 1.")] = 1,
    seeds_cnn2: Annotated[int, typer.Option("--seeds-cnn2", help="Trainings of CNN 2; 0 leaves it out.")] = 1,
    size: Annotated[int, typer.Option(help="Side of the networks' input in pixels.")] = 224,
    pooling: Annotated[str, typer.Option(help="flatten the local features, as the study, or avg.")] = "flatten",
    preprocess: Annotated[str, typer.Option(help="study, correct or both.")] = "both",
    backbone: Annotated[
        list[str] | None, typer.Option(help="Frozen network; may be repeated.", show_default="the study's two")
    ] = None,
    seed: Annotated[int, typer.Option(help="First seed.")] = 42,
    labels: Annotated[Path | None, typer.Option(help="labels.csv that replaces labels.", show_default=False)] = None,
    device: Annotated[str, typer.Option(help="Where networks are trained: auto, cpu, cuda, mps or xla.")] = "auto",
    json: Annotated[bool, typer.Option("--json", help="Print results.json instead of a summary.")] = False,
) -> None:
    """Replicate the reference study, and set each of its figures beside ours."""
    from petmood.cli.console import Bars
    from petmood.config import StudySettings
    from petmood.study import study as work

    chosen = {"cnn_epochs": epochs, "cnn_size": size, "seeds": seeds, "seeds_cnn2": seeds_cnn2, "pooling": pooling}
    settings = StudySettings.create(
        chosen | {"preprocess": preprocess, "backbones": tuple(backbone or ()), "seed": seed, "device": device}
    )
    outcome = work(data, out, settings, Bars(), labels=labels)
    if json:
        typer.echo(outcome.results.model_dump_json(by_alias=True, indent=2))
    else:
        _summary(outcome)


def _summary(outcome: StudyOutcome) -> None:
    from rich.table import Table

    from petmood.cli.console import console
    from petmood.report import study_text

    out, found = console(), outcome.results.study
    if found is not None:
        table = Table("section", "figure", "study", "ours: mean (range); 95 % interval", "verdict")
        for row in found.comparison:
            table.add_row(row.section, row.figure, study_text.theirs(row), study_text.ours(row), row.verdict)
        out.print(table)
        out.print(study_text.verdicts(found))
    out.print(f"Report: {outcome.report}", soft_wrap=True)
