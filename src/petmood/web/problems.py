"""Errors of the API: each names what is wrong, what was got and what to do next, as JSON."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from petmood.escaping import one_line


class Problem(BaseModel):
    """The body of every answer that is an error.

    Attributes:
        what: what is wrong.
        got: what the request had.
        next: what to do.
    """

    model_config = ConfigDict(frozen=True)

    what: str
    got: str
    next: str = Field(description="What to do.")


class ProblemBody(BaseModel):
    """An error as it is sent: `{"error": {...}}`."""

    model_config = ConfigDict(frozen=True)

    error: Problem


class Refusal(Exception):  # noqa: N818 - an answer, not a fault
    """A request that is answered with a problem; caught at the edge of the application only."""

    def __init__(self, status: int, what: str, got: str, todo: str, *, retry_after: int | None = None) -> None:
        super().__init__(what)
        self.status = status
        # what was got may hold anything, characters that JSON cannot carry among them
        self.problem = Problem(what=one_line(what), got=one_line(got), next=one_line(todo))
        self.headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        if status == 401:
            self.headers["WWW-Authenticate"] = "Bearer"

    @property
    def body(self) -> bytes:
        """The JSON that is sent."""
        return ProblemBody(error=self.problem).model_dump_json().encode()
