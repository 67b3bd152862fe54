"""Arguments and options that several commands have, each said once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

Data = Annotated[Path, typer.Argument(metavar="DATA", help="Folder or .zip of labelled faces.")]
Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="FOLDER", help="Where results go.", show_default="a new one in runs/"),
]
Page = Annotated[Path | None, typer.Option("--out", "-o", metavar="FOLDER", help="Where to write a page and JSON.")]
Seed = Annotated[int | None, typer.Option(help="Seed of every random choice.", show_default="42")]
SeedOf = Annotated[int, typer.Option(help="Seed of every random choice.")]
Backbone = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Frozen network that makes features.", show_default="efficientnet-lite0"),
]
Folds = Annotated[int | None, typer.Option(help="Folds of cross-validation.", show_default="5")]
Labels = Annotated[Path | None, typer.Option(metavar="FILE", help="labels.csv that replaces labels.")]
Groups = Annotated[Path | None, typer.Option(metavar="FILE", help="groups.csv that replaces families.")]
Species = Annotated[
    Path | None, typer.Option(metavar="FILE", help="CSV (path, species) of animals that ImageNet lacks.")
]
Families = Annotated[
    Literal["auto", "names", "pixels", "both"],
    typer.Option(metavar="HOW", help="How copies are found: auto, names, pixels or both."),
]
Mapping = Annotated[
    list[str] | None, typer.Option("--map", metavar="THEIRS=OURS", help="What a class of another set is in this one.")
]
Use = Annotated[list[str] | None, typer.Option(metavar="NAME=BACKBONE", help="What a method's backbone stands for.")]
AllowLeakage = Annotated[
    bool, typer.Option("--allow-leakage", help="Go on though the splits leak; every figure is then marked.")
]
Track = Annotated[
    list[str] | None, typer.Option(metavar="PLACE", help="Also keep figures in mlflow:URI or tensorboard:FOLDER.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the facts as JSON instead of a summary.")]
Preset = Annotated[
    Literal["quick", "full"], typer.Option(help="quick: the CNN at 64 pixels; full: at 224, as in the study.")
]
