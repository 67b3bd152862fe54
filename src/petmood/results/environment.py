"""Where and how a run was made."""

from __future__ import annotations

from petmood.results.base import Fact


class Environment(Fact):
    """Where and how the run was made. Timings stand here and nowhere else.

    Attributes:
        left_out: extras that were not installed, so that the parts of the run that need them were left out.
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
    left_out: tuple[str, ...] = ()
