"""Settings of a run: frozen, strict, with presets; an unknown key names the nearest known one."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from petmood.errors import ConfigError


class Settings(BaseModel):
    """Base of all settings: frozen, unknown keys refused, values never silently converted."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @classmethod
    def create(cls, values: Mapping[str, Any]) -> Self:
        """Validate settings given by a user.

        Raises:
            ConfigError: an unknown key (with the nearest known one) or a value out of range.
        """
        for key in values:
            if key not in cls.model_fields:
                near = difflib.get_close_matches(key, cls.model_fields, n=1, cutoff=0.4)
                hint = f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(sorted(cls.model_fields))}."
                raise ConfigError(f"unknown setting '{key}'. {hint}")
        try:
            return cls(**values)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise ConfigError(f"setting '{where}' is {first['input']!r}: {first['msg']}.") from error


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
    "quick": {"cnn_size": 64, "cnn_epochs": 10, "cnn_precision": "auto", "repeats": 2},
    "full": {"cnn_size": 224, "cnn_epochs": 10, "repeats": 10},
}


def preset_settings(preset: str) -> RunSettings:
    """What a preset does if nothing else is chosen.

    Raises:
        ConfigError: an unknown preset.
    """
    return run_settings(preset)


def run_settings(preset: str, **overrides: Any) -> RunSettings:
    """Settings of a preset with some values replaced (None means not replaced).

    Raises:
        ConfigError: an unknown preset or setting, or a value out of range.
    """
    if preset not in PRESETS:
        near = difflib.get_close_matches(preset, PRESETS, n=1)
        hint = f"Did you mean '{near[0]}'?" if near else f"Choose one of: {', '.join(PRESETS)}."
        raise ConfigError(f"unknown preset '{preset}'. {hint}")
    given = {key: value for key, value in overrides.items() if value is not None}
    return RunSettings.create({"preset": preset, **PRESETS[preset], **given})
