"""`petmood study`, `leaderboard`, `tune` and `models`: the reference study, and what there is beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from petmood.cli.options import Data, Json, Labels, Mapping, Out, SeedOf, Track, Use, fresh
from petmood.cli.reading import reads_data

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from petmood.results import NetworkFacts
    from petmood.results.methods import LeaderboardFacts
    from petmood.results.tune import TuneFacts
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
    from petmood.cli.console import Bars, tell
    from petmood.config import StudySettings
    from petmood.study import study as work

    chosen = {"cnn_epochs": epochs, "cnn_size": size, "seeds": seeds, "seeds_cnn2": seeds_cnn2, "pooling": pooling}
    settings = StudySettings.create(
        chosen | {"preprocess": preprocess, "backbones": tuple(backbone or ()), "seed": seed, "device": device}
    )
    outcome = work(data, out or fresh(data, "study"), settings, Bars(), labels=labels)
    tell(outcome.results, json, _summary(outcome))


def _summary(outcome: StudyOutcome) -> Iterator[str | Table | Text]:
    from rich.text import Text

    from petmood.cli.console import table_of
    from petmood.report import study_text

    found = outcome.results.study
    if found is not None:
        table = table_of("section", "figure", "study", "ours: mean (range); 95 % interval", "verdict")
        for row in found.comparison:
            table.add_row(row.section, row.figure, study_text.theirs(row), study_text.ours(row), row.verdict)
        yield table
        yield Text(study_text.verdicts(found))
    yield f"Report: {outcome.report}"


def models(
    size: Annotated[int, typer.Option(help="Side of the input images in pixels.")] = 224,
    classes: Annotated[int, typer.Option(help="Number of classes.")] = 4,
    json: Json = False,
) -> None:
    """Show the study's networks, layer by layer."""
    from petmood.cli.console import tell
    from petmood.training.networks import list_networks

    found = list_networks(classes, size)
    tell(found, json, (one for network in found for one in _layers(network)))


def _layers(network: NetworkFacts) -> Iterator[str | Table]:
    from petmood.cli.console import table_of

    table = table_of("Layer (type)", "Output Shape", title=f"{network.title} ({network.name})", title_justify="left")
    table.add_column("Param #", justify="right")
    for layer in network.layers:
        shape = ", ".join(map(str, layer.output_shape))
        table.add_row(f"{layer.name} ({layer.kind})", f"(None, {shape})", f"{layer.params:,}")
    yield table
    yield f"Total params: {network.params:,}"
    yield f"Trainable params: {network.trainable_params:,}"
    yield f"Non-trainable params: {network.non_trainable_params:,}\n"


@reads_data
def leaderboard(
    data: Data,
    only: Annotated[
        list[str] | None, typer.Option(metavar="METHOD", help="Score this method alone.", show_default="all")
    ] = None,
    repeats: Annotated[int, typer.Option(help="Repeats of cross-validation, at most.")] = 10,
    folds: Annotated[int, typer.Option(help="Folds of cross-validation.")] = 5,
    seed: Annotated[int, typer.Option(help="Seed of the first repeat.")] = 42,
    extra: Annotated[
        Path | None, typer.Option(metavar="DATA", help="Outside labelled images, for training only.")
    ] = None,
    mapping: Mapping = None,
    use: Use = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Also write it as Markdown.")] = None,
    json: Json = False,
) -> None:
    """Evaluate every method by cross-validation and on test."""
    from contextlib import nullcontext

    from petmood.cli.console import Bars, console, tell
    from petmood.dataset.outside import parse_map
    from petmood.files import output_file
    from petmood.methods.reading import Means
    from petmood.methods.standings import LeaderboardSettings
    from petmood.methods.standings import leaderboard as work
    from petmood.report.leaderboard import markdown
    from petmood.store import write_text

    means = Means(parse_map(use or (), "--use"), extra, parse_map(mapping or ()))
    settings = LeaderboardSettings(tuple(only or ()), seed, folds, repeats, means)
    with nullcontext() if out is None else output_file(out, [data, extra]) as made:
        found = work(data, settings, Bars())
        if made is not None:
            write_text(made, markdown(found))
    tell(found, json, [_table(found)])
    if not json:
        for left in found.left_out:
            console(stderr=True).print(f"left out: {left.name} {left.reason}")


def _table(found: LeaderboardFacts) -> Table:
    from petmood.cli.console import table_of
    from petmood.report.wording import span

    table = table_of("method", "grouped accuracy", "95 % interval", "macro-F1", "test", "n", "repeats", "seconds")
    for row in found.methods:
        table.add_row(
            row.name,
            f"{row.grouped_accuracy:.3f}",
            span(row.grouped_accuracy_ci),
            f"{row.grouped_macro_f1:.3f}",
            f"{round(row.test_accuracy * row.test_n)}/{row.test_n}",
            str(row.n),
            str(row.repeats),
            f"{row.seconds:.1f}",
        )
    return table


@reads_data
def tune(
    data: Data,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="Of the search; given again, it goes on.")],
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

    from petmood.cli.console import Bars, tell
    from petmood.jobs.tracking import record_of, tracking
    from petmood.jobs.tune import TuneSettings
    from petmood.jobs.tune import tune as work

    search = {"model": model, "objective": objective, "trials": trials, "minutes": minutes, "folds": folds}
    training = {"size": size, "epochs": epochs, "backbone": backbone, "seed": seed, "storage": storage}
    settings = TuneSettings.create(search | training)
    with tracking(track or (), f"tune {out.name}") as records:
        facts = work(data, out, settings, Bars())
        best = next(trial.params for trial in facts.trials if trial.number == facts.best)
        made = record_of(
            (facts.winner,), settings.model_dump(mode="json") | best, [out / "tune.json", out / "tune.html"]
        )
        losses = {"trials/loss": [trial.loss for trial in facts.trials if trial.loss is not None]}
        records.append(replace(made, curves={**made.curves, **losses}))
    tell(facts, json, _summary_of_tune(facts, out))


def _summary_of_tune(facts: TuneFacts, folder: Path) -> Iterator[str | Table]:
    from petmood.cli.console import table_of
    from petmood.report.wording import span

    table = table_of("trial", "loss", "accuracy", "choices", title=f"Best of {len(facts.trials)} trials")
    finished = sorted((t for t in facts.trials if t.loss is not None), key=lambda t: t.loss or 0.0)
    for trial in finished[:10]:
        choices = ", ".join(f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in trial.params.items())
        table.add_row(str(trial.number), f"{trial.loss:.4f}", f"{trial.accuracy:.3f}", choices)
    yield table
    for name, share in facts.importance.items():
        yield f"importance of {name}: {share:.2f}"
    won = facts.winner
    yield (f"The winner on test: {won.correct} of {won.n}, {won.accuracy:.3f} (95 % interval {span(won.accuracy_ci)})")
    yield f"Report: {folder / 'tune.html'}"
