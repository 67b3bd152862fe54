"""`petmood tune`: search over the study's choices with a budget, then judge the winner once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from petmood.cli.options import Data, Json, SeedOf, Track
from petmood.cli.reading import reads_data

if TYPE_CHECKING:
    from petmood.jobs.tune import TuneOutcome


@reads_data
def tune(
    data: Data,
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", metavar="FOLDER", help="Of the search; given again, it goes on.", show_default=False
        ),
    ],
    model: Annotated[Literal["head", "cnn"], typer.Option(help="What is searched for.")] = "head",
    objective: Annotated[
        Literal["cv", "valid"], typer.Option(help="cv: grouped cross-validation; valid: that split.")
    ] = "cv",
    trials: Annotated[int, typer.Option(help="Trials in all, earlier ones included.")] = 30,
    minutes: Annotated[float | None, typer.Option(help="Budget of this call.", show_default="none")] = None,
    size: Annotated[int, typer.Option(help="Side of the networks' input in pixels.")] = 64,
    epochs: Annotated[int, typer.Option(help="Epochs of each training, at most.")] = 10,
    folds: Annotated[int, typer.Option(help="Folds of cross-validation.")] = 3,
    backbone: Annotated[
        str, typer.Option(metavar="NAME", help="Frozen network whose features a head reads.")
    ] = "efficientnet-lite0",
    seed: SeedOf = 42,
    storage: Annotated[
        str | None,
        typer.Option(
            metavar="PLACE", help="Journal file or database URL of the search.", show_default="OUT/trials.journal"
        ),
    ] = None,
    track: Track = None,
    json: Json = False,
) -> None:
    """Search for hyperparameters; test photos only judge."""
    from dataclasses import replace

    from petmood.cli.console import Bars
    from petmood.jobs.tracking import record_of, tracking
    from petmood.jobs.tune import TuneSettings
    from petmood.jobs.tune import tune as work

    search = {"model": model, "objective": objective, "trials": trials, "minutes": minutes, "folds": folds}
    training = {"size": size, "epochs": epochs, "backbone": backbone, "seed": seed, "storage": storage}
    settings = TuneSettings.create(search | training)
    with tracking(track or (), f"tune {out.name}") as records:
        outcome = work(data, out, settings, Bars())
        facts = outcome.facts
        best = next(trial.params for trial in facts.trials if trial.number == facts.best)
        made = record_of(
            (facts.winner,), settings.model_dump(mode="json") | best, [out / "tune.json", out / "tune.html"]
        )
        losses = {"trials/loss": [trial.loss for trial in facts.trials if trial.loss is not None]}
        records.append(replace(made, curves={**made.curves, **losses}))
    if json:
        typer.echo(outcome.facts.model_dump_json(indent=2))
    else:
        _summary(outcome)


def _summary(outcome: TuneOutcome) -> None:
    from petmood.cli.console import console, table_of

    facts, out = outcome.facts, console()
    table = table_of("trial", "loss", "accuracy", "choices", title=f"Best of {len(facts.trials)} trials")
    finished = sorted((t for t in facts.trials if t.loss is not None), key=lambda t: t.loss or 0.0)
    for trial in finished[:10]:
        choices = ", ".join(f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in trial.params.items())
        table.add_row(str(trial.number), f"{trial.loss:.4f}", f"{trial.accuracy:.3f}", choices)
    out.print(table)
    for name, share in facts.importance.items():
        out.print(f"importance of {name}: {share:.2f}")
    low, high = facts.winner.accuracy_ci
    out.print(
        f"The winner on test: {facts.winner.correct} of {facts.winner.n}, {facts.winner.accuracy:.3f} "
        f"(95 % interval {low:.3f} to {high:.3f})"
    )
    out.print(f"Report: {outcome.folder / 'tune.html'}", soft_wrap=True)
