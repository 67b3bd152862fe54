"""Settings of a run: frozen, strict, with presets; an unknown key names the nearest known one."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from petmood.errors import ConfigError, near_or


class Settings(BaseModel):
    """Base of all settings: frozen, unknown keys refused, values never silently converted."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

    @classmethod
    def create(cls, values: Mapping[str, Any]) -> Self:
        """Validate settings given by a user.

        Raises:
            ConfigError: an unknown key (with the nearest known one) or a value out of range.
        """
        for key in values:
            if key not in cls.model_fields:
                raise ConfigError(f"unknown setting '{key}'. {near_or(key, sorted(cls.model_fields), cutoff=0.4)}")
        try:
            return cls(**values)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            secret = first["loc"] and not cls.model_fields[str(first["loc"][0])].repr
            shown = "not shown" if secret else repr(first["input"])
            raise ConfigError(f"setting '{where}' is {shown}: {first['msg']}.") from (None if secret else error)


class ReadOptions(Settings):
    """How a user says that their data are to be read; nothing given means: as their structure says.

    Attributes:
        layout: pattern of paths, as `{split}/{class}/*`; see `petmood.ingest.pattern`.
        splits: (name in the data, "train", "valid", "test" or "" to leave it out) for names of splits that are unknown.
        table: a file inside the data, or elsewhere, with a row an image.
        columns: (role, column) for the columns of the table: "path", "class", "split", "species", "animal", "fold".
        group_by: what shows one animal: "folder", "regex:(?P<animal>...)", searched in each path, or a CSV with the
            columns path and animal.
        zip_encoding: of names in an archive that does not say.
        only: classes to read; empty for all.
        exclude: classes to leave out.
        margin: added on each side of an annotated box, as a share of its width or height.
        fps: frames a second that are read of each video.
    """

    layout: str | None = None
    splits: tuple[tuple[str, str], ...] = ()
    table: str | None = None
    columns: tuple[tuple[str, str], ...] = ()
    group_by: str | None = None
    zip_encoding: str | None = None
    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    margin: float = Field(default=0.0, ge=0, le=2, strict=False)
    fps: float = Field(default=1.0, gt=0, le=1000, strict=False)


def read_options(
    *,
    splits: str | None = None,
    columns: str | None = None,
    group_by: str | None = None,
    zip_encoding: str | None = None,
    only: Sequence[str] = (),
    exclude: Sequence[str] = (),
    **said: Any,
) -> ReadOptions:
    """Options of reading from the text a user wrote: `splits` as "a=train,b=test", `columns` as "path=file,class=mood".

    Raises:
        ConfigError: a pair without "=", an unknown role or split, an unknown encoding, or a value out of range.
    """
    named = _pairs("--columns", columns)
    for role, _ in named:
        if role not in ROLES:
            raise ConfigError(f"--columns has an unknown role '{role}'. {near_or(role, ROLES, cutoff=0.4)}")
    told = _pairs("--splits", splits)
    for name, split in told:
        if split not in ("train", "valid", "test", ""):
            raise ConfigError(
                f"--splits says that '{name}' is '{split}'. Write train, valid or test, or nothing to leave it out."
            )
    if group_by is not None and group_by != "folder":
        _check_group_by(group_by)
    if zip_encoding is not None:
        try:
            codecs.lookup(zip_encoding)
        except LookupError as error:
            raise ConfigError(
                f"unknown encoding '{zip_encoding}'. Use one such as gbk, shift_jis, euc_kr, cp1251, cp437 or utf-8."
            ) from error
    chosen = {"splits": told, "columns": named, "group_by": group_by, "zip_encoding": zip_encoding}
    return ReadOptions.create({**said, **chosen, "only": tuple(only), "exclude": tuple(exclude)})


_CURRENT: ContextVar[ReadOptions | None] = ContextVar("reading", default=None)


def reading_options() -> ReadOptions:
    """The options in force here; see `reading`."""
    return _CURRENT.get() or ReadOptions()


_OUTSIDE: ContextVar[ReadOptions | None] = ContextVar("outside", default=None)


def outside_options() -> ReadOptions:
    """The options in force here for labelled data beside the data set itself; see `reading`."""
    return _OUTSIDE.get() or ReadOptions()


@contextmanager
def reading(options: ReadOptions, outside: ReadOptions | None = None) -> Iterator[None]:
    """Put options in force for every data set that is opened within, unless it is opened with others of its own.

    So that one command line, whose options concern its one data set, need not pass them through all that lies between.
    `outside` are those of labelled data that a command reads besides.
    """
    tokens = _CURRENT.set(options), _OUTSIDE.set(outside)
    try:
        yield
    finally:
        _CURRENT.reset(tokens[0])
        _OUTSIDE.reset(tokens[1])


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """A file of settings that a command took its defaults from."""

    name: str
    sha256: str


settings_file: ContextVar[SettingsFile | None] = ContextVar("settings_file", default=None)
"""The one in force here, if any."""


def toml_text(table: str, values: Mapping[str, Any]) -> str:
    """One table of TOML; what is None is left out.

    Raises:
        TypeError: a value is neither text, a number, true or false, nor a list of these.
    """
    lines = [f"{name.replace('_', '-')} = {toml_value(value)}" for name, value in values.items() if value is not None]
    return "\n".join([f"[{table}]", *lines, ""])


def toml_value(value: Any) -> str:
    """A value as TOML writes it; its strings are JSON's but for DEL, which is no text of ours."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    if not isinstance(value, str | bool | int | float):
        raise TypeError(f"{value!r} is not a setting")
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


ROLES: Final = ("path", "class", "split", "species", "animal", "fold")
"""What a column of a table may say of an image."""


def _pairs(option: str, text: str | None) -> tuple[tuple[str, str], ...]:
    found = []
    for part in (text or "").split(","):
        if not part.strip():
            continue
        key, sign, value = part.partition("=")
        if not sign or not key.strip():
            raise ConfigError(f"{option} has '{part.strip()}'. Write pairs such as a=b, with commas between them.")
        found.append((key.strip(), value.strip()))
    return tuple(found)


def is_table_of_animals(group_by: str) -> bool:
    """Whether what `--group-by` says is a file with a row a photo."""
    return group_by.lower().endswith((".csv", ".tsv"))


def _check_group_by(text: str) -> None:
    kind, _, expression = text.partition(":")
    if is_table_of_animals(text):
        return
    if kind != "regex":
        raise ConfigError(
            f"--group-by is '{text}'. Use 'folder', 'regex:(?P<animal>...)' or a CSV file with the columns path,animal."
        )
    try:
        groups = re.compile(expression).groupindex
    except re.error as error:
        raise ConfigError(f"--group-by has a faulty expression: {error}.") from error
    if "animal" not in groups:
        raise ConfigError("--group-by regex has no group named animal. Write (?P<animal>...) around what shows it.")


class RunSettings(Settings):
    """What `petmood run` does.

    Attributes:
        preset: the name of the preset that the other values come from.
        seed: of every random choice: splits, folds, k-means, networks.
        families: how families are found: "names", "pixels", "both", or "auto": both where names tell, else pixels.
        backbone: name of the frozen network that makes features.
        image_size: side in pixels to which images are prepared, as the study does.
        folds: number of folds of grouped cross-validation.
        n_init: restarts of k-means.
        cnn: whether to train the study's CNN.
        cnn_size: side in pixels of the CNN's input.
        cnn_epochs: its epochs.
        cnn_precision: of the products in its training steps; "auto" takes bfloat16, twice as fast, where the processor
            multiplies it, else float32.
        cnn_threads: that train it; 0 for one a core. With one, it is the same network whatever the number of cores,
            trained beside the rest of the run.
        samples: images in the report's sample grid.
        repeats: how often grouped cross-validation is repeated with other folds.
        allow_leakage: whether to go on with splits that leak, with every figure marked.
    """

    preset: str = "quick"
    seed: int = Field(default=42, ge=0, lt=2**31)
    families: Literal["auto", "names", "pixels", "both"] = "auto"
    backbone: str = "efficientnet-lite0"
    image_size: int = Field(default=224, ge=32, le=1024)
    folds: int = Field(default=5, ge=2, le=50)
    n_init: int = Field(default=10, ge=1, le=1000)
    cnn: bool = True
    cnn_size: int = Field(default=64, ge=32, le=1024)
    cnn_epochs: int = Field(default=10, ge=1, le=10_000)
    cnn_precision: Literal["float32", "bfloat16", "auto"] = "float32"
    cnn_threads: int = Field(default=0, ge=0, le=1024)
    samples: int = Field(default=15, ge=0, le=200)
    repeats: int = Field(default=5, ge=1, le=100)
    allow_leakage: bool = False


class StudySettings(RunSettings):
    """What `petmood study` does beyond the settings of a run, whose defaults here are the reference study's.

    Attributes:
        seeds: trainings of CNN 1, with seeds counted up from `seed`.
        seeds_cnn2: trainings of CNN 2; 0 leaves it out.
        pooling: "flatten", as the study, or "avg".
        preprocess: "study" feeds backbones pixels in [0, 1], "correct" what their weights were trained on, or "both".
        backbones: those whose features are clustered; the study's two if empty.
        device: where networks are trained; "auto" takes a GPU or TPU if there is one.
    """

    preset: str = "study"
    cnn_size: int = Field(default=224, ge=32, le=1024)
    seeds: int = Field(default=1, ge=1, le=100)
    seeds_cnn2: int = Field(default=1, ge=0, le=100)
    pooling: Literal["flatten", "avg"] = "flatten"
    preprocess: Literal["study", "correct", "both"] = "both"
    backbones: tuple[str, ...] = ()
    device: Literal["auto", "cpu", "cuda", "mps", "xla"] = "auto"


PRESETS: Final[dict[str, dict[str, Any]]] = {
    "quick": {"cnn_size": 64, "cnn_epochs": 10, "cnn_precision": "auto", "cnn_threads": 1, "repeats": 2},
    "full": {"cnn_size": 224, "cnn_epochs": 10, "repeats": 10},
}


def run_settings(preset: str, **overrides: Any) -> RunSettings:
    """Settings of a preset with some values replaced (None means not replaced).

    Raises:
        ConfigError: an unknown preset or setting, or a value out of range.
    """
    if preset not in PRESETS:
        raise ConfigError(f"unknown preset '{preset}'. {near_or(preset, PRESETS)}")
    given = {key: value for key, value in overrides.items() if value is not None}
    return RunSettings.create({"preset": preset, **PRESETS[preset], **given})
