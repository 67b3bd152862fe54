"""`hub:OWNER/NAME` -> the folder into which the Hugging Face hub's own library fetched a bundle."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from petmood.cache import cache_dir
from petmood.errors import ModelError, reason_of, require_extra
from petmood.escaping import path_component

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


def fetch(name: str, revision: str | None = None, *, endpoint: str | None = None) -> Path:
    """The local copy of a bundle on the hub; without a network that which was fetched last.

    Args:
        name: OWNER/NAME, or OWNER/NAME@REVISION.
        revision: branch, tag or commit.
        endpoint: of another hub than huggingface.co.

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
            endpoint=endpoint or told_endpoint(),
        )
    except HFValidationError as error:
        raise ModelError(f"'{PREFIX}{name}' names no model. Write {PREFIX}OWNER/NAME.") from error
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = reason_of(error)
        raise ModelError(
            f"cannot fetch {PREFIX}{name} ({reason}). Check the name, your login (hf auth login) and the network."
        ) from error
    return Path(found)
