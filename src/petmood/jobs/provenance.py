"""Where, when, how and from what a run was made: what it takes to repeat and to cite it."""

from __future__ import annotations

import json
import os
import platform
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache as once
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from petmood.config import (
    ReadOptions,
    RunSettings,
    StudySettings,
    reading_options,
    run_settings,
    settings_file,
    toml_text,
)
from petmood.dataset import Dataset, Origin, UserFile
from petmood.dataset.opening import GROUPS
from petmood.errors import DataError, is_there
from petmood.results import Environment
from petmood.results.environment import AppliedFile, NamedFile, Provenance
from petmood.sources.hub import is_hub
from petmood.store import read_json, write_json, write_text
from petmood.version import __version__

PACKAGES: Final = (
    "numpy",
    "scikit-learn",
    "scipy",
    "onnxruntime",
    "opencv-python-headless",
    "pillow",
    "torch",
)
_FEATURES: Final = ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "asimd", "bf16", "i8mm", "sve")
"""Features of processors by which products are computed otherwise, so that figures may differ in their last digits."""

REPEATED: Final = "repeated"
"""The new folder into which a report's own command writes."""

_OPTIONS: Final = {"study": {"cnn_epochs": "--epochs", "cnn_size": "--size", "backbones": "--backbone"}}
"""Options of commands whose names are not those of the settings."""


def left_out(settings: RunSettings) -> tuple[str, ...]:
    """The extras that parts of a whole run need and that are not installed."""
    needed = {"train": "torch"} if settings.cnn else {}
    return tuple(extra for extra, package in (needed | {"labels": "cleanlab"}).items() if not is_there(package))


def package_versions() -> dict[str, str]:
    """Versions of those of `PACKAGES` that are installed."""
    packages = {}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            packages[name] = version(name)
    return packages


def environment(data: Dataset, settings: RunSettings) -> Environment:
    """Describe this run; timings stand here and nowhere else in the results."""
    return Environment(
        petmood=__version__,
        python=platform.python_version(),
        platform=platform.platform(terse=True),
        processor=processor_features(),
        packages=package_versions(),
        cores=os.cpu_count() or 1,
        seed=settings.seed,
        preset=settings.preset,
        seconds=dict(data.timed.seconds),
        cache={"hits": data.cache.hits, "misses": data.cache.misses},
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        left_out=left_out(settings),
    )


def provenance(data: Dataset, settings: RunSettings, command: str = "run") -> Provenance:
    """What figures depend on: the data, the user's files and every setting; and the command that repeats the run."""
    origin, file = data.origin, settings_file.get()
    return Provenance(
        command=repeating_command(command, origin, settings),
        data=data.manifest.name,
        data_sha256=data.manifest.digest,
        families=origin.families,
        layout=data.manifest.layout,
        reading=origin.options.model_dump(mode="json", exclude_defaults=True),
        settings=settings.model_dump(mode="json"),
        settings_file=None if file is None else NamedFile(name=file.name, sha256=file.sha256),
        labels=_applied(origin.labels),
        groups=_applied(origin.groups),
        species=_applied(origin.species),
    )


def settings_text(
    data: Dataset,
    settings: RunSettings,
    *,
    others: Sequence[Path] = (),
    mapping: Mapping[str, str] | None = None,
) -> str:
    """Every setting that was in force, as a file that `--config` takes to do the same again."""
    origin = data.origin
    files = {"labels": origin.labels, "groups": origin.groups, "species": origin.species}
    values: dict[str, Any] = {
        "data": [_place(path) for path in (origin.data, *others)],
        **settings.model_dump(mode="json"),
        **{name: None if file is None else _place(file.path) for name, file in files.items()},
        "map": [f"{theirs}={ours}" for theirs, ours in (mapping or {}).items()] or None,
        **_reading(origin.options),
    }
    return f"# petmood {__version__}: petmood run --config THIS-FILE does the same again\n\n{toml_text('run', values)}"


def _place(path: Path) -> str:
    return str(path.resolve()) if path.exists() else str(path)


def _applied(file: UserFile | None) -> AppliedFile | None:
    if file is None:
        return None
    return AppliedFile(name=file.path.name, sha256=file.sha256, given=file.given, changed=file.changed)


def repeating_command(command: str, origin: Origin, settings: RunSettings) -> str:
    """The line that gives the same results.json: every option whose value is not what it would be without it."""
    words = ["petmood", command, str(origin.data)]
    for option, file in (("--labels", origin.labels), ("--groups", origin.groups), ("--species", origin.species)):
        # groups.csv at the top of the data is read without being asked for
        if file is not None and file.path != origin.data / GROUPS:
            words += [option, str(file.path)]
    words += reading_words(origin.options)
    if isinstance(settings, StudySettings):
        defaults: RunSettings = StudySettings()
    else:
        defaults = run_settings(settings.preset)
        words += ["--preset", settings.preset]
    words += _changed(settings.model_dump(mode="json"), defaults.model_dump(mode="json"), _OPTIONS.get(command, {}))
    words += ["--out", REPEATED]
    return shlex.join(words)


def reading_words(options: ReadOptions) -> list[str]:
    """Options of the command line that say how data are read."""
    return [word for name, value in _reading(options).items() for word in _words(_option(name), value)]


def _reading(options: ReadOptions) -> dict[str, Any]:
    """Those that are not the defaults, as a user writes them."""
    said = options.model_dump(mode="json", exclude_defaults=True)
    pairs = {name: said[name] for name in ("splits", "columns") if name in said}
    return said | {name: ",".join(f"{key}={meaning}" for key, meaning in value) for name, value in pairs.items()}


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _words(option: str, value: Any) -> list[str]:
    """An option and its value, once for each of several."""
    return [word for one in (value if isinstance(value, list) else [value]) for word in (option, str(one))]


def _changed(values: Mapping[str, Any], defaults: Mapping[str, Any], options: Mapping[str, str]) -> list[str]:
    words = []
    for name, value in values.items():
        if name == "preset" or value == defaults.get(name):
            continue
        option = options.get(name, _option(name))
        if isinstance(value, bool):
            words.append(option if value else option.replace("--", "--no-", 1))
        else:
            words += _words(option, value)
    return words


@once
def processor_features() -> tuple[str, ...]:
    """What of the processor changes figures in their last digits, as far as the system tells."""
    told = Path("/proc/cpuinfo")
    if not told.exists():
        return (platform.machine(), platform.processor() or "unknown")
    lines = told.read_text(encoding="utf-8", errors="replace").splitlines()
    flags = next((line.partition(":")[2].split() for line in lines if line.startswith(("flags", "Features"))), [])
    return (platform.machine(), *(name for name in _FEATURES if name in flags))


SOURCE = "source.json"
"""File of a run folder that says where its data was."""

MANIFEST = "manifest.csv"
"""File of a run folder: a row an image."""

MANIFEST_ABOUT = "manifest.json"
"""File of a run folder: what of the manifest is not a row, such as what was rejected or ignored."""

QUALITY = "quality.csv"
"""File of a run folder: raw measures of each photo, and what may be wrong with it."""

SETTINGS = "settings.toml"
"""File of a run folder: every setting that was in force."""

ANIMALS = "animals-offered.csv"
"""File of a run folder: photos that may show one animal again, in groups, to be checked and given to `--group-by`."""

APPLIED_LABELS = "labels-applied.csv"
"""File of a run folder: the labels.csv that the run was given, as it was then."""


def write_source(out: Path, data: Path, labels: Path | None) -> None:
    """Write down where a run's data is and how it was read, and keep the labels.csv that it was given."""
    place = str(data) if is_hub(data.as_posix()) and not data.exists() else str(data.resolve())
    reading = reading_options().model_dump(mode="json", exclude_defaults=True)
    write_json(out / SOURCE, {"data": place, "reading": reading})
    if labels is not None:
        write_text(out / APPLIED_LABELS, labels.read_text(encoding="utf-8-sig"))


def read_source(run: Path) -> Path | None:
    """Where the data of a run was when it was made; None if the run does not say."""
    written = run / SOURCE
    return Path(read_json(written)["data"]) if written.exists() else None


def read_reading(run: Path) -> ReadOptions:
    """How the data of a run was read."""
    written = run / SOURCE
    said = read_json(written).get("reading", {}) if written.exists() else {}
    try:
        return ReadOptions.model_validate_json(json.dumps(said))
    except ValidationError as error:
        raise DataError(f"{written} does not say how the data were read. Make the run again.") from error
