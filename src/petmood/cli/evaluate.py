"""`petmood evaluate`, `grade` and `travel`: a finished model, or predictions by anybody, on other labelled data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from petmood.cli.options import Families, Groups, Json, Labels, Mapping, Page, SeedOf, Species
from petmood.cli.reading import reads_data

if TYPE_CHECKING:
    from collections.abc import Callable

    from petmood.dataset import Dataset
    from petmood.results.evaluation import EvaluationFacts


@reads_data
def evaluate(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="Bundle, .zip, ONNX file or pets; with --predictions the data.")
    ],
    data: Annotated[Path | None, typer.Argument(help="Folder or .zip of labelled faces.")] = None,
    predictions: Annotated[
        Path | None, typer.Option(metavar="FILE", help="CSV by any tool: path,label or path and probabilities.")
    ] = None,
    mapping: Mapping = None,
    keep_overlap: Annotated[
        bool, typer.Option("--keep-overlap", help="Count training photos too, and mark every figure.")
    ] = False,
    out: Page = None,
    labels: Labels = None,
    groups: Groups = None,
    species: Species = None,
    families: Families = "auto",
    seed: SeedOf = 42,
    json: Json = False,
) -> None:
    """Judge a model, or predictions, on other labelled data.

    Photos that it was trained on are found first, and left out.
    """
    from contextlib import nullcontext

    from petmood.cli.console import Bars, tell
    from petmood.dataset import open_dataset
    from petmood.dataset.outside import parse_map
    from petmood.errors import ConfigError
    from petmood.files import output_folder
    from petmood.jobs.answers import open_model
    from petmood.jobs.evaluate import evaluate as work
    from petmood.jobs.evaluate import fitting
    from petmood.report.evaluation import evaluation_lines

    if data is None and predictions is None:
        raise ConfigError("evaluate needs a model and data. Say: petmood evaluate MODEL DATA.")
    folder, judge = (Path(model), None) if data is None else (data, open_model(Path(model)))
    named = parse_map(mapping or ())
    where = nullcontext() if out is None else output_folder(out, [folder, predictions, None if data is None else model])
    with (
        where as made,
        open_dataset(
            folder,
            families=families,
            seed=seed,
            splits=False,
            labels=labels,
            groups=groups,
            species=species,
            check=fitting(judge, folder, predictions, named),
            progress=Bars(),
        ) as opened,
    ):
        facts = work(
            judge,
            opened,
            predictions=predictions,
            mapping=named,
            keep_overlap=keep_overlap,
            seed=seed,
        )
        if made is not None:
            write_evaluation(made, facts, opened)
    tell(facts, json, [*evaluation_lines(facts), *([] if out is None else [f"Page: {out / 'evaluation.html'}"])])


def write_evaluation(folder: Path, facts: EvaluationFacts, data: Dataset) -> None:
    """Write evaluation.json and evaluation.html."""
    from petmood.report.evaluation import evaluation_html
    from petmood.store import write_json, write_manifest, write_text

    write_manifest(folder / "manifest.csv", data.manifest)
    write_json(folder / "evaluation.json", facts.model_dump(mode="json", by_alias=True))
    thumbnail: Callable[[str], bytes | None] = data.thumbnail
    write_text(folder / "evaluation.html", evaluation_html(facts, thumbnail))


@reads_data
def grade(
    predictions: Annotated[Path, typer.Argument(metavar="PREDICTIONS", help="CSV: path,label or probabilities.")],
    data: Annotated[Path, typer.Option("--data", metavar="DATA", help="Folder or .zip with all files.")],
    train_list: Annotated[
        Path, typer.Option("--train-list", metavar="FILE", help="Files or folders trained on, a line each.")
    ],
    labels: Labels = None,
    groups: Groups = None,
    families: Families = "auto",
    seed: SeedOf = 42,
    json: Json = False,
) -> None:
    """Judge predictions by others, without photos trained on."""
    from petmood.cli.console import Bars, tell
    from petmood.dataset import open_dataset
    from petmood.jobs.grade import grade as work
    from petmood.report.evaluation import grade_lines

    with open_dataset(
        data, families=families, seed=seed, splits=False, labels=labels, groups=groups, progress=Bars()
    ) as opened:
        facts = work(predictions, opened, train_list, seed=seed)
    tell(facts, json, grade_lines(facts))


def travel(
    data: Annotated[
        list[Path], typer.Argument(metavar="DATA...", help="Two or more: folder or .zip of labelled faces.")
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
    from petmood.cli.console import Bars, console, tell
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
    tell(facts, json, [*lines(facts), *([] if out is None else [f"\nPage: {out / 'travel.html'}"])])
