"""Where and how a run was made, and from what: enough to repeat it from its report alone."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from petmood.results.base import Fact


class Environment(Fact):
    """Where, when and how the run was made. Timings stand here and nowhere else.

    `processor` has the machine and those features of its processor by which figures may differ in their last digits;
    `left_out` the extras that were not installed, so that the parts of the run that need them were left out.
    """

    petmood: str
    python: str
    platform: str
    packages: dict[str, str]
    cores: int
    seed: int
    preset: str
    seconds: dict[str, float]
    cache: dict[str, int]
    processor: tuple[str, ...] = ()
    date: str = ""
    left_out: tuple[str, ...] = ()


class NamedFile(Fact):
    """A file by name and digest."""

    name: str
    sha256: str


class AppliedFile(Fact):
    """A file by which the user changed the data: its digest, the photos that it names and how many it changed."""

    name: str
    sha256: str
    given: int
    changed: int


class Provenance(Fact):
    """What the figures depend on, but for petmood itself: `command` gives the same results again.

    `settings` has every setting, also those that nobody chose; `layout` says how the data were read, and `reading` what
    the user said of it; `settings_file` is the petmood.toml that some settings were taken from.
    """

    command: str
    data: str
    data_sha256: str
    families: str
    layout: str = ""
    reading: dict[str, Any] = Field(default_factory=dict)
    settings: dict[str, Any]
    settings_file: NamedFile | None = None
    labels: AppliedFile | None = None
    groups: AppliedFile | None = None
    species: AppliedFile | None = None
