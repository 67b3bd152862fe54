"""Options of every command that reads a data set: how its files say what they are. See docs/data.md."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

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


_of_all = functools.partial(typer.Option, rich_help_panel=OF_ALL)
_SHARED: Offered = {
    "quiet": (Annotated[bool, _of_all("--quiet", "-q", help="Show no progress and no notes.")], False),
    "verbose": (
        Annotated[
            bool, _of_all("--verbose", "-v", help="Tell also seconds of steps, more figures, warnings of libraries.")
        ],
        False,
    ),
    "config": (
        Annotated[Path | None, _of_all(metavar="FILE", help="Settings.", show_default="petmood.toml, if there is one")],
        None,
    ),
}


def shared(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command what every command has."""

    def around(told: dict[str, Any]) -> AbstractContextManager[object]:
        from petmood.cli.console import telling

        return telling(quiet=told["quiet"], verbose=told["verbose"])

    return sharing(command, _SHARED, around)


_PANEL = "How the data are read (found by itself where there is one reading)"


def _option(help_text: str, metavar: str | None = None, default: bool | str = False) -> Any:
    return typer.Option(metavar=metavar, help=help_text, show_default=default, rich_help_panel=_PANEL)


OPTIONS: Offered = {
    "layout": (Annotated[str | None, _option("Of paths, as '{split}/{class}/*' or '{class}_*'.", "PATTERN")], None),
    "splits": (
        Annotated[str | None, _option("What splits' names mean: 'a=train,b=test,old='.", "NAME=SPLIT,...")],
        None,
    ),
    "table": (Annotated[str | None, _option("Labels: CSV, TSV, JSON lines or Parquet.", "FILE")], None),
    "columns": (
        Annotated[str | None, _option("Of the table: 'path=file,class=mood,animal=id'.", "ROLE=NAME,...")],
        None,
    ),
    "group_by": (
        Annotated[str | None, _option("What shows one animal: folder, 'regex:(?P<animal>.+)' or a CSV.", "HOW")],
        None,
    ),
    "zip_encoding": (Annotated[str | None, _option("Of names in a .zip that does not say.", "NAME")], None),
    "only": (Annotated[list[str] | None, _option("Read this class alone.", "CLASS")], None),
    "exclude": (Annotated[list[str] | None, _option("Leave this class out.", "CLASS")], None),
    "margin": (Annotated[float, _option("Added around an annotated box, in shares of its size.", default="0")], 0.0),
    "fps": (Annotated[float, _option("Frames a second that are read of each video.", default="1")], 1.0),
}
OUTSIDE: Offered = {
    "outside_layout": (Annotated[str | None, _option("As --layout, of outside images.", "PATTERN")], None),
    "outside_table": (Annotated[str | None, _option("As --table, of outside images.", "FILE")], None),
    "outside_columns": (Annotated[str | None, _option("As --columns, of outside images.", "ROLE=NAME,...")], None),
}
"""How outside images are read, where a command takes such beside its data."""


def reads_data(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of reading that it has no use of its own for, and put them in force while it runs."""
    parameters = inspect.signature(command).parameters
    offered = {name: option for name, option in OPTIONS.items() if name not in parameters}
    if {"extra", "outside"} & parameters.keys():
        offered |= OUTSIDE
    return sharing(command, offered, _in_force)


_of_search = functools.partial(typer.Option, rich_help_panel="Where copies are searched for")
_WHERE: Offered = {
    "engine": (
        Annotated[Literal["local", "ray"], _of_search(help="Who searches for copies: this process, or a cluster.")],
        "local",
    ),
    "workers": (Annotated[int | None, _of_search(min=1, help="Ray's workers.", show_default="one a core")], None),
    "address": (
        Annotated[str | None, _of_search(metavar="HOST:PORT", help="Ray cluster.", show_default="one started here")],
        None,
    ),
}


def searches_copies(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say who searches for copies."""
    return sharing(command, _WHERE, _at_work)


def _at_work(told: dict[str, Any]) -> AbstractContextManager[object]:
    if told.get("engine", "local") == "local":
        return nullcontext()
    from petmood.scale.copies import ray_at_work

    return ray_at_work(told.get("address"), told.get("workers"))


def _in_force(told: dict[str, Any]) -> AbstractContextManager[object]:
    from petmood.config import read_options, reading

    # an option not given is passed on as nothing, which for several classes is an empty tuple
    said = {name: value for name, value in told.items() if value is not None}
    outside = read_options(**{name.removeprefix("outside_"): said.pop(name) for name in OUTSIDE.keys() & said.keys()})
    return reading(read_options(**said), outside)
