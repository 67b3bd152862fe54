"""`pets`, the model that petmood brings along: where it is, and which word of a command names a model."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final

from petmood.bundle.hub import fetch, on_hub
from petmood.errors import ModelError
from petmood.images.naming import EXTENSIONS
from petmood.images.video import is_video_name

BUILT_IN: Final = "pets"

_FILE: Final = "model.json"


def located(path: Path) -> Path:
    """Where a model is: a file or folder of that name first, else the built-in one by its name, or one on the hub.

    Raises:
        ModelError: it is to be fetched, and cannot be.
    """
    if (name := on_hub(path)) is not None:
        return fetch(name)
    if path == Path(BUILT_IN) and not path.exists():
        return _own()
    return path


def model_and_photos(words: Sequence[str]) -> tuple[Path, list[str]]:
    """`[MODEL] PHOTO...` -> the model, the built-in one where none is named, and the photos.

    The first word is a model if it is a bundle: its folder, a .zip, or the name of the built-in one. A folder without a
    model.json holds photos.

    Raises:
        ModelError: there is no photo, or the first word is there neither as a model nor as photos.
    """
    first = Path(words[0])
    if is_model(first):
        if len(words) == 1:
            raise ModelError(f"{first} is a model and there is no picture. Name one: petmood predict {first} PHOTO.")
        return first, list(words[1:])
    known = words[0] == "-" or first.exists() or any(mark in words[0] for mark in "*?[")
    if not known and first.suffix.lower() not in EXTENSIONS and not is_video_name(first.name):
        raise ModelError(
            f"{first} is neither a bundle nor a picture: there is nothing of that name. Check the path, or leave the "
            f"model out to read with the built-in one, {BUILT_IN}."
        )
    return _own(), list(words)


def _own() -> Path:
    return Path(str(files("petmood.bundle"))) / BUILT_IN


def is_model(path: Path) -> bool:
    """Whether a path names a bundle."""
    if on_hub(path) is not None:
        return True
    found = located(path)
    if found.is_dir():
        return (found / _FILE).exists()
    return found.suffix.lower() == ".zip"
