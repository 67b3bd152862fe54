"""Models by name: the one that comes with petmood, and those on the Hugging Face hub, fetched once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final

from petmood.cache import cache_dir
from petmood.errors import ModelError, reason_of, require_extra
from petmood.escaping import path_component
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


PREFIX: Final = "hub:"
FILES: Final = ("model.onnx", "model.json", "MODEL_CARD.md", "neighbours.safetensors", "memory.safetensors")
"""What of a repository is fetched."""


def on_hub(path: Path | str) -> str | None:
    """The name on the hub that a path stands for, with `@REVISION` if it has one; None if it is a path."""
    text = path if isinstance(path, str) else path.as_posix()
    return text.removeprefix(PREFIX) if text.startswith(PREFIX) and not Path(path).exists() else None


def told_endpoint() -> str | None:
    """The hub that the user's environment names, asked at each call; None for huggingface.co."""
    return os.environ.get("HF_ENDPOINT") or None


def fetch(name: str, revision: str | None = None) -> Path:
    """The local copy of a bundle on the hub; without a network that which was fetched last.

    Args:
        name: OWNER/NAME, or OWNER/NAME@REVISION.
        revision: branch, tag or commit.

    Raises:
        MissingExtraError: the extra `tracking` is not installed.
        ModelError: the name is malformed, or there is no such bundle to be had.
    """
    require_extra(f"reading the model {PREFIX}{name}", "tracking", "huggingface_hub")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    place, _, named = name.partition("@")
    wanted = revision or named or None
    try:
        # the library's own cache has links, which no bundle may be
        found = snapshot_download(
            place,
            revision=wanted,
            allow_patterns=list(FILES),
            local_dir=cache_dir() / "hub" / path_component(f"{place}@{wanted}" if wanted else place),
            endpoint=told_endpoint(),
        )
    except HFValidationError as error:
        raise ModelError(f"'{PREFIX}{name}' names no model. Write {PREFIX}OWNER/NAME.") from error
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = reason_of(error)
        raise ModelError(
            f"cannot fetch {PREFIX}{name} ({reason}). Check the name, your login (hf auth login) and the network."
        ) from error
    return Path(found)
