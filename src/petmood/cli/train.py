"""`petmood train`: train one model and save it as a bundle."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from petmood.cli.options import Backbone, Json, Labels, Mapping, Seed, Track, Use, fresh, new_in_runs
from petmood.cli.reading import reads_data

if TYPE_CHECKING:
    from petmood.bundle import ModelDescription


@reads_data
def train(
    data: Annotated[
        list[Path], typer.Argument(metavar="DATA...", help="Folder or .zip of labelled faces; several make one model.")
    ],
    out: Annotated[Path | None, new_in_runs("MODEL", "The bundle: a folder or a .zip.")] = None,
    model: Annotated[
        Literal["auto", "head", "finetune", "cnn1", "cnn2"],
        typer.Option(
            metavar="KIND",
            help="auto: the best of many; head: logistic regression on features; finetune; cnn1, cnn2: the study's.",
        ),
    ] = "head",
    preset: Annotated[
        Literal["quick", "full"], typer.Option(help="quick: for a CPU; full: CNNs at 224 pixels, finetune for a GPU.")
    ] = "quick",
    backbone: Backbone = None,
    seed: Seed = None,
    labels: Labels = None,
    budget: Annotated[
        str | None, typer.Option(metavar="TIME", help="Of auto and finetune: 90s, 10m, 1h.", show_default="10m")
    ] = None,
    use: Use = None,
    extra: Annotated[
        Path | None, typer.Option(metavar="DATA", help="Outside labelled images for auto, for training only.")
    ] = None,
    mapping: Mapping = None,
    terms: Annotated[
        list[str] | None, typer.Option(help="Of several sets: what is known of the licence, in order.")
    ] = None,
    extra_weight: Annotated[
        float | None, typer.Option(help="Of an outside image, where a photo weighs 1.", show_default="0.1")
    ] = None,
    unlabelled: Annotated[
        Path | None, typer.Option(metavar="DATA", help="Images without labels for auto, for training only.")
    ] = None,
    device: Annotated[Literal["auto", "cpu", "cuda", "mps"], typer.Option(help="Where finetune trains.")] = "auto",
    distil: Annotated[
        bool, typer.Option("--distil", help="Save a small student of what auto chose, instead of it.")
    ] = False,
    thumbnails: Annotated[
        bool, typer.Option("--thumbnails", help="Keep small copies of the training photos in the bundle.")
    ] = False,
    track: Track = None,
    json: Json = False,
) -> None:
    """Train a model on labelled faces, and save it.

    It is evaluated on photos that it has not seen, and saved as a bundle.
    """
    from petmood.build.study_networks import leads
    from petmood.bundle.headline import headline_sentence
    from petmood.cli.console import Bars, console, tell
    from petmood.cli.contest import Standings
    from petmood.config import ReadOptions, reading_options, run_settings
    from petmood.errors import ConfigError
    from petmood.jobs.tracking import record_of, tracking
    from petmood.jobs.train import train as work
    from petmood.methods.settings import auto_settings

    settings = run_settings(preset, seed=seed, backbone=backbone)
    out = out or fresh(data[0], "train")
    if len(data) > 1:
        from petmood.build.sources import save_across_bundle
        from petmood.dataset.outside import parse_map

        others = (track, labels, budget, use, extra, extra_weight, unlabelled, distil, thumbnails, device != "auto")
        # each set has a layout of its own: one that is said for all would be wrong for some
        if model != "head" or any(others) or reading_options() != ReadOptions():
            raise ConfigError(
                "several data sets make a head, each read by its own layout: only --map, --terms, --backbone and "
                "--seed go with them. Leave the other options out."
            )
        across = save_across_bundle(
            out,
            data,
            parse_map(mapping or ()),
            Bars(console(stderr=True)),
            backbone=settings.backbone,
            terms=terms or (),
            seed=settings.seed,
        )
        tell(across, json, [headline_sentence(across), str(out)])
        return
    if terms:
        raise ConfigError("--terms is for several data sets. Name another one, or leave it out.")
    auto = auto_settings(budget, use, extra, mapping, extra_weight, unlabelled, distil)
    shown = console(stderr=True)
    with tracking((track or ()) if leads() else (), f"train {out.name}") as records, Standings(shown) as standings:
        made = work(
            data[0],
            out,
            model,
            settings,
            Bars(shown),
            labels=labels,
            thumbnails=thumbnails,
            auto=auto,
            device=device,
            watch=standings.show,
        )
        if made is not None:
            said = {**settings.model_dump(mode="json"), "model": model}
            records.append(record_of(made.evaluation, said, [out]))
    if made is None:
        return  # another process of torchrun's tells
    tell(made, json, _summary(made, out))


def _summary(model: ModelDescription, bundle: Path) -> Iterator[str]:
    from petmood.cli.console import figure_lines

    yield from figure_lines(model.evaluation)
    if model.search is not None and model.search.versus is not None:
        yield model.search.versus.verdict
        if model.search.not_reached:
            yield f"Not reached in time: {', '.join(model.search.not_reached)}"
    yield f"Bundle: {bundle}"
    yield f"Try it: petmood predict {bundle} PHOTO"
