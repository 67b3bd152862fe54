"""What a run asks of a data set: each analysis a folder with its facts, computation, words and section.

`ANALYSES` is the order in which they are computed and shown. Adding one is a folder and a line here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from petmood.analyses import audit, calibration, causes, labels, leakage, protocols, species, travel
from petmood.analyses.base import Analysis, Asked, Elsewhere, Page
from petmood.results import Results

__all__ = ["ANALYSES", "Analysis", "Asked", "Elsewhere", "Page", "read_results"]

ANALYSES: Final[tuple[Analysis[Any], ...]] = (
    leakage.ANALYSIS,
    travel.ANALYSIS,
    audit.ANALYSIS,
    protocols.ANALYSIS,
    calibration.ANALYSIS,
    species.ANALYSIS,
    labels.ANALYSIS,
    causes.ANALYSIS,
)


def read_results(raw: Mapping[str, Any], analyses: Sequence[Analysis[Any]] = ANALYSES) -> Results:
    """What stands in results.json, typed.

    Args:
        raw: the parsed file.
        analyses: whose facts are known; those of others stay as they are.

    Raises:
        pydantic.ValidationError: it is not of this format.
    """
    facts = {one.name: one.facts.model_validate(raw[one.name]) for one in analyses if raw.get(one.name) is not None}
    rest = {key: value for key, value in raw.items() if key not in facts and value is not None}
    return Results.model_validate({**rest, **facts})
