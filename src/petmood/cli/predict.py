"""`petmood predict`: read pictures with a bundle and print what it answers, as they are done."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from petmood.cli.options import Animals

if TYPE_CHECKING:
    from petmood.detection import Detector


def predict(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[MODEL] PHOTOS...",
            help="A bundle (pets, the built-in one, if left out); files, folders, patterns; - reads names from stdin.",
        ),
    ],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print a CSV table.")] = False,
    explain: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="For a sheet a picture that shows why.")
    ] = None,
    maps: Annotated[
        Literal["auto", "cam", "occlusion", "both"],
        typer.Option(help="Of --explain; auto takes occlusion where there is no cam."),
    ] = "both",
    coverage: Annotated[
        float | None,
        typer.Option(metavar="SHARE", help="How often prediction sets hold the label.", show_default="the bundle's"),
    ] = None,
    fps: Annotated[float, typer.Option(min=0.01, help="Frames a second that are read of a video.")] = 1.0,
    detector: Annotated[
        str | None,
        typer.Option(metavar="onnx:FILE", help="Finds animals, one answer each; also hub:NAME or hub:FOLDER."),
    ] = None,
    faces: Annotated[bool, typer.Option("--faces", help="One answer for each animal; needs --detector.")] = False,
    animals: Animals = None,
    batch: Annotated[int, typer.Option(min=1, max=1024, help="Pictures that a core infers together.")] = 4,
) -> None:
    """Read the mood of pets from pictures of their faces."""
    from petmood.bundle import load
    from petmood.bundle.built_in import model_and_photos
    from petmood.cli.answers import write_csv, write_json, write_text
    from petmood.errors import ConfigError
    from petmood.jobs.predict import predict as work

    if json and csv:
        raise ConfigError("--json and --csv exclude each other. Choose one.")
    bundle, photos = model_and_photos(words)
    finder = detector_named(detector, animals, faces)
    model = load(bundle)
    inputs = [bundle, *(Path(name) for name in photos if name != "-")]
    answers = work(
        model,
        _names(photos),
        coverage=coverage,
        batch=batch,
        explain_to=explain,
        inputs=inputs,
        maps=maps,
        fps=fps,
        detector=finder,
    )
    write = write_json if json else write_csv if csv else write_text
    _end(write(answers, model))


def detector_named(name: str | None, animals: str | None, wanted: bool = False) -> Detector | None:
    """The detector of --detector and --animals; None without them."""
    from petmood.detection import open_detector
    from petmood.errors import ConfigError

    if name is None:
        if wanted or animals is not None:
            raise ConfigError(
                f"{'--faces' if wanted else '--animals'} needs a detector of animals, and none is built in. Name one: "
                "--detector onnx:FILE or --detector hub:NAME_OR_FOLDER."
            )
        return None
    return open_detector(name, [word.strip() for word in (animals or "").split(",") if word.strip()])


def _names(photos: Iterable[str]) -> Iterator[str]:
    for name in photos:
        if name == "-":
            yield from (line.rstrip("\n") for line in sys.stdin if line.strip())
        else:
            yield name


def _end(unreadable: int) -> None:
    if unreadable:
        from petmood.errors import ImageError

        noun = "picture" if unreadable == 1 else "pictures"
        raise ImageError(f"{unreadable} {noun} could not be read; each is named above. Fix or leave them out.")
