"""What all records of results.json share: frozen, strict, JSON-ready."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict

Interval = tuple[float, float]
"""Lower and upper bound."""


class Fact(BaseModel):
    """Base of all results: frozen, and strict about unknown keys so that a misspelt fact cannot slip through."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, defer_build=True)


class Marked(Fact):
    """A fact with figures that a leaking split spoils: `mark` says why they are not to be trusted, or is None."""

    mark: str | None = None


F = TypeVar("F", bound=Fact)


def put_mark(fact: F, mark: str) -> F:
    """The same facts with a mark on every figure among them, however deep it lies."""

    def marked(value: Any) -> Any:
        if isinstance(value, Fact):
            return put_mark(value, mark)
        if isinstance(value, tuple):
            return tuple(marked(item) for item in value)
        if isinstance(value, dict):
            return {key: marked(item) for key, item in value.items()}
        return value

    names = [*type(fact).model_fields, *(fact.model_extra or {})]
    update = {name: marked(getattr(fact, name)) for name in names}
    return fact.model_copy(update=update | ({"mark": mark} if isinstance(fact, Marked) else {}))


class Identity(Fact):
    """A figure is the accuracy of `model`, fitted on `training`, under `protocol` with `seed`, on the data `data`.

    `data` is the digest of the data set (images, labels, splits, families); `training` is "photos", one file a family,
    or "files", all of them weighted so that a family counts once, or says what else was fitted on.
    """

    data: str
    model: str
    training: str
    protocol: str
    seed: int
