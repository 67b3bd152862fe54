"""`petmood quantize` and `petmood pretrain`: backbones in int8, or fine-tuned once on outside images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from petmood.cli.options import Data, Json, Out, SeedOf, fresh, new_in_runs
from petmood.cli.reading import reads_data

if TYPE_CHECKING:
    from rich.table import Table

    from petmood.results.quantised import QuantisedFacts


@reads_data
def quantize(
    data: Data,
    out: Annotated[Path | None, new_in_runs("FILE.onnx", "What to write.")] = None,
    backbone: Annotated[str, typer.Option(metavar="NAME", help="Frozen network to quantize.")] = "efficientnet-lite0",
    photos: Annotated[int, typer.Option(help="Photos of train to calibrate on, at most.")] = 96,
    folds: Annotated[int, typer.Option(help="Folds of the cross-validation that compares both.")] = 5,
    seed: SeedOf = 42,
    json: Json = False,
) -> None:
    """Turn a backbone into int8, and tell what that changes."""
    from petmood.cli.console import Bars, tell
    from petmood.jobs.quantise import QuantiseSettings, quantise_backbone

    settings = QuantiseSettings.create({"backbone": backbone, "photos": photos, "folds": folds, "seed": seed})
    facts = quantise_backbone(data, out or fresh(data, "int8", "backbone.onnx"), settings, Bars())
    tell(facts, json, _summary(facts))


def _summary(facts: QuantisedFacts) -> Iterator[str | Table]:
    from petmood.cli.console import table_of
    from petmood.report.wording import gained, plain, span

    pair, speed = facts.comparison, facts.speed
    table = table_of("", "float32", "int8", "difference", title=f"{pair.reference} in int8")
    own, gain = plain(pair.accuracy, pair.accuracy_ci), gained(pair.gain, pair.gain_ci)
    table.add_row("accuracy", f"{pair.reference_accuracy:.3f}", own, gain)
    before, after = facts.bytes_before / 1e6, facts.bytes_after / 1e6
    table.add_row("size", f"{before:.1f} MB", f"{after:.1f} MB", f"{after / before:.2f} times")
    table.add_row("images/s", "", "", f"{speed.speedup:.2f} times ({span(speed.speedup_range, 2)})")
    table.add_row("cosine", "", "", f"{facts.cosine_mean:.3f} (lowest {facts.cosine_low:.3f})")
    yield table
    yield f"Accuracy: logistic regression on {pair.n} photos, {pair.protocol}, the same folds for both; 95 % intervals."
    yield (
        f"Images/s: {speed.turns} turns of {speed.images} images, prepared and inferred, on this machine and its load."
    )
    yield "Cosine: similarity of a photo's two vectors."
    yield f"Calibrated on {facts.calibration_photos} photos of train. Use it with: --backbone onnx:{facts.graph}"


@reads_data
def pretrain(
    outside: Annotated[Path, typer.Argument(metavar="OUTSIDE", help="Folder or .zip of outside labelled images.")],
    data: Annotated[Path, typer.Option("--for", metavar="DATA", help="The data to be evaluated, kept out.")],
    out: Out = None,
    epochs: Annotated[int, typer.Option(help="Passes through the images.")] = 5,
    seed: SeedOf = 42,
    json: Json = False,
) -> None:
    """Fine-tune a backbone on outside images.

    The upper half of it, once; it is then used frozen.
    """
    from petmood.cli.console import Bars, tell
    from petmood.jobs.pretrain import pretrain as work
    from petmood.report.wording import span
    from petmood.training.settings import FineTuneSettings

    facts = work(outside, data, out or fresh(outside, "backbone"), FineTuneSettings(epochs=epochs, seed=seed), Bars())
    lines = (
        f"{facts.images:,} images trained on, {len(facts.left_out)} left out as resembling {data.name}.",
        f"Accuracy on {facts.held_out} others: {facts.accuracy:.3f} (95 % interval {span(facts.accuracy_ci)}).",
        f"Use it: petmood leaderboard {data} --use outside={facts.backbone}",
    )
    tell(facts, json, lines)
