"""Options that many commands have, added to a command's own and put in force while it runs."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from petmood.cli.layout import OF_ALL

Offered = Mapping[str, tuple[Any, Any]]
"""Parameters by name: annotation and default."""


def sharing(
    command: Callable[..., None], offered: Offered, around: Callable[[dict[str, Any]], AbstractContextManager[object]]
) -> Callable[..., None]:
    """Give a command more options; those given are in force, by a context that is made of them, while it runs."""
    signature = inspect.signature(command)

    @functools.wraps(command)
    def with_options(*args: Any, **given: Any) -> None:
        told = {name: given.pop(name) for name in offered if name in given}
        with around(told):
            command(*args, **given)

    hints = get_type_hints(command, include_extras=True)
    own = [p.replace(annotation=hints[p.name]) for p in signature.parameters.values()]
    more = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)
        for name, (kind, default) in offered.items()
    ]
    with_options.__signature__ = signature.replace(parameters=[*own, *more])  # type: ignore[attr-defined]
    with_options.__annotations__ = {p.name: p.annotation for p in [*own, *more]} | {"return": None}
    return with_options


_OF_ALL: Offered = {
    "quiet": (
        Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress and no notes.", rich_help_panel=OF_ALL)],
        False,
    ),
    "verbose": (
        Annotated[
            bool,
            typer.Option(
                "--verbose",
                "-v",
                help="Tell also seconds of steps, more figures, warnings of libraries.",
                rich_help_panel=OF_ALL,
            ),
        ],
        False,
    ),
    "config": (
        Annotated[
            Path | None,
            typer.Option(
                metavar="FILE", help="Settings.", show_default="petmood.toml, if there is one", rich_help_panel=OF_ALL
            ),
        ],
        None,
    ),
}


def shared(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command what every command has."""

    def around(told: dict[str, Any]) -> AbstractContextManager[object]:
        from petmood.cli.console import telling

        return telling(quiet=told["quiet"], verbose=told["verbose"])

    return sharing(command, _OF_ALL, around)
