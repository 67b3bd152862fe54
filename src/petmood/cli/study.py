"""`petmood study`: the reference study, replicated section by section."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from petmood.cli.options import Data, Json, Labels, Out
from petmood.cli.reading import reads_data

if TYPE_CHECKING:
    from petmood.study import StudyOutcome


@reads_data
def study(
    data: Data,
    out: Out = None,
    epochs: Annotated[int, typer.Option(help="Epochs of each training, at most.")] = 10,
    seeds: Annotated[int, typer.Option(help="Trainings of CNN 1.")] = 1,
    seeds_cnn2: Annotated[int, typer.Option("--seeds-cnn2", help="Trainings of CNN 2; 0 leaves it out.")] = 1,
    size: Annotated[int, typer.Option(help="Side of the networks' input in pixels.")] = 224,
    pooling: Annotated[
        Literal["flatten", "avg"], typer.Option(help="flatten the local features, as the study, or average them.")
    ] = "flatten",
    preprocess: Annotated[
        Literal["study", "correct", "both"], typer.Option(help="How pixels are fed to backbones.")
    ] = "both",
    backbone: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Frozen network.", show_default="the study's two")
    ] = None,
    seed: Annotated[int, typer.Option(help="First seed.")] = 42,
    labels: Labels = None,
    device: Annotated[
        Literal["auto", "cpu", "cuda", "mps", "xla"], typer.Option(help="Where networks are trained.")
    ] = "auto",
    json: Json = False,
) -> None:
    """Repeat the reference study, figure beside figure."""
    from petmood.cli.console import Bars
    from petmood.cli.places import fresh
    from petmood.config import StudySettings
    from petmood.study import study as work

    chosen = {"cnn_epochs": epochs, "cnn_size": size, "seeds": seeds, "seeds_cnn2": seeds_cnn2, "pooling": pooling}
    settings = StudySettings.create(
        chosen | {"preprocess": preprocess, "backbones": tuple(backbone or ()), "seed": seed, "device": device}
    )
    outcome = work(data, out or fresh(data, "study"), settings, Bars(), labels=labels)
    if json:
        typer.echo(outcome.results.model_dump_json(by_alias=True, indent=2))
    else:
        _summary(outcome)


def _summary(outcome: StudyOutcome) -> None:
    from petmood.cli.console import console, table_of
    from petmood.report import study_text

    out, found = console(), outcome.results.study
    if found is not None:
        table = table_of("section", "figure", "study", "ours: mean (range); 95 % interval", "verdict")
        for row in found.comparison:
            table.add_row(row.section, row.figure, study_text.theirs(row), study_text.ours(row), row.verdict)
        out.print(table)
        out.print(study_text.verdicts(found))
    out.print(f"Report: {outcome.report}", soft_wrap=True)
