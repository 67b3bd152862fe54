"""`hub:OWNER/NAME` -> the folder into which the Hugging Face hub's own library fetched a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from petmood.errors import ModelError, require_extra

PREFIX: Final = "hub:"
FILES: Final = ("model.onnx", "model.json", "MODEL_CARD.md", "neighbours.safetensors", "memory.safetensors")
"""What of a repository is fetched."""


def on_hub(path: Path | str) -> str | None:
    """The name on the hub that a path stands for, with `@REVISION` if it has one; None if it is a path."""
    text = path if isinstance(path, str) else path.as_posix()
    return text.removeprefix(PREFIX) if text.startswith(PREFIX) and not Path(path).exists() else None


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
        found = snapshot_download(place, revision=wanted, allow_patterns=list(FILES), endpoint=endpoint)
    except HFValidationError as error:
        raise ModelError(f"'{PREFIX}{name}' names no model. Write {PREFIX}OWNER/NAME.") from error
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)[:200]
        raise ModelError(
            f"cannot fetch {PREFIX}{name} ({reason}). Check the name, your login (hf auth login) and the network."
        ) from error
    return Path(found)
