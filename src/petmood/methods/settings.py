"""What a user says of a search for a method -> its settings, or one line that says what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from petmood.dataset.outside import parse_map
from petmood.errors import ConfigError
from petmood.methods.reading import Means

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class AutoSettings:
    """How a method is searched for.

    Attributes:
        budget: seconds after which no further candidate is begun; one that is begun is finished, and the frozen
            baseline always is.
        means: backbones and more images that candidates may use.
        extra_weight: of an outside labelled image where a photo weighs 1.
        unlabelled_weight: of an image without a label.
        distil: whether the bundle is to hold a small student of what was chosen.
        folds: of the outer and the inner cross-validation.
        seed: of folds and classifiers.
    """

    budget: float = 600.0
    means: Means = field(default_factory=Means)
    extra_weight: float = 0.1
    unlabelled_weight: float = 0.1
    distil: bool = False
    folds: int = 5
    seed: int = 42

    def __post_init__(self) -> None:
        for name, weight in (("--extra-weight", self.extra_weight), ("unlabelled_weight", self.unlabelled_weight)):
            if not 0 < weight <= 10:
                raise ConfigError(
                    f"{name} is {weight:g}; give a number above 0 and at most 10, where a photo weighs 1."
                )


def auto_settings(
    budget: str | None,
    use: Sequence[str] | None,
    extra: Path | None,
    mapping: Sequence[str] | None,
    extra_weight: float | None,
    unlabelled: Path | None,
    distil: bool,
) -> AutoSettings | None:
    """The settings that a user's options come to; None where none was given.

    Raises:
        ConfigError: an option that cannot be used.
    """
    given = (budget, use, extra, mapping, extra_weight, unlabelled, distil)
    if not any(given) and extra_weight is None:
        return None
    if extra is None and (mapping or extra_weight is not None):
        raise ConfigError("--map and --extra-weight are of outside images. Name them with --extra FOLDER.")
    return AutoSettings(
        budget=600.0 if budget is None else parse_duration(budget),
        means=Means(parse_map(use or (), "--use"), extra, parse_map(mapping or ()), unlabelled),
        extra_weight=0.1 if extra_weight is None else extra_weight,
        distil=distil,
    )


def parse_duration(text: str) -> float:
    """Seconds of "90s", "10m", "1h" or "1h30m".

    Raises:
        ConfigError: the text is no such duration, or nothing.
    """
    if not re.fullmatch(r"(\d+(\.\d+)?[hms])+", text):
        raise ConfigError(f"--budget is '{text}'; give a duration such as 90s, 10m or 1h.")
    seconds = sum(float(n) * _SECONDS[unit] for n, _, unit in re.findall(r"(\d+(\.\d+)?)([hms])", text))
    if not seconds > 0:
        raise ConfigError(f"--budget is '{text}', which leaves no time. Give a duration such as 90s, 10m or 1h.")
    return seconds
