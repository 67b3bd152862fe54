"""`hf:OWNER/NAME` and `kaggle:OWNER/NAME` -> the folder into which their own libraries fetched a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from petmood.errors import DataError, reason_of, require_extra

PREFIXES: Final = ("hf:", "kaggle:")


def is_hub(place: str) -> bool:
    """Whether a place names a data set of a hub."""
    return place.startswith(PREFIXES)


def fetch(place: str) -> Path:
    """The local copy of a data set; downloaded by the hub's library, which keeps it for the next time.

    Raises:
        MissingExtraError: the library is not installed.
        DataError: the name is malformed, or the library cannot fetch it.
    """
    hub, _, name = place.partition(":")
    if not name or (hub == "kaggle" and name.count("/") != 1):
        raise DataError(f"'{place}' names no data set. Write hf:OWNER/NAME or kaggle:OWNER/NAME.")
    library = "huggingface_hub" if hub == "hf" else "kagglehub"
    require_extra(f"reading {place}", "data", library)
    try:
        if hub == "hf":
            from huggingface_hub import snapshot_download

            return Path(snapshot_download(name, repo_type="dataset"))
        import kagglehub

        return Path(kagglehub.dataset_download(name))
    except Exception as error:  # these libraries raise whatever their transports do
        reason = reason_of(error)
        raise DataError(
            f"cannot fetch {place} ({reason}). Check the name, your login and the network, or download it yourself and "
            "give its folder."
        ) from error
