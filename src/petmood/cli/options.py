"""Arguments and options that several commands have, each said once."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

Data = Annotated[Path, typer.Argument(metavar="DATA", help="Folder or .zip of labelled faces.")]


def new_in_runs(metavar: str, help: str) -> Any:
    """The option for a place which, if it is not given, is a new one; see `fresh`."""
    return typer.Option("--out", "-o", metavar=metavar, help=help, show_default="a new one in runs/")


Out = Annotated[Path | None, new_in_runs("FOLDER", "Where results go.")]
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
Animals = Annotated[
    str | None, typer.Option(metavar="CLASS,...", help="The detector's classes that count.", show_default="animals")
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


def fresh(data: Path | str, command: str = "", file: str = "") -> Path:
    """A path at which nothing is yet, `runs/NAME-COMMAND-DATE`; in a folder that is itself data, beside that.

    Args:
        data: what the results are of: a path, or a name on a hub such as `hf:OWNER/NAME`.
        command: what makes them, where it is not a run.
        file: name of the file in it, where the result is not a folder.
    """
    from petmood.escaping import path_component

    given = Path(str(data))
    real = given.resolve() if given.exists() else given
    name = real.stem if real.suffix.lower() in (".zip", ".parquet") else real.name
    here = Path.cwd()
    inside = real.is_dir() and (here == real or real in here.parents)
    root = real.parent / "runs" if inside else Path("runs")
    day = datetime.now().astimezone().date().isoformat()
    stem = "-".join(part for part in (path_component(name.rpartition(":")[2] or "data"), command, day) if part)
    number, place = 1, root / stem
    while place.exists() or place.is_symlink():
        number += 1
        place = root / f"{stem}-{number}"
    return place / file if file else place
