"""What all records of results.json share: frozen, strict, JSON-ready."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

Interval = tuple[float, float]
"""Lower and upper bound."""


class Fact(BaseModel):
    """Base of all results: frozen, and strict about unknown keys so that a misspelt fact cannot slip through."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
