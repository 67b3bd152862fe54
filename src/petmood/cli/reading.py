"""Options of every command that reads a data set: how its files say what they are. See docs/data.md."""

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, get_type_hints

import typer

_PANEL = "How the data are read (found by itself where there is one reading)"


def _option(help_text: str, *names: str) -> Any:
    return typer.Option(*names, help=help_text, show_default=False, rich_help_panel=_PANEL)


OPTIONS: dict[str, tuple[Any, Any]] = {
    "layout": (Annotated[str | None, _option("Pattern of paths: '{split}/{class}/*', '{class}_*', ...")], None),
    "splits": (Annotated[str | None, _option("Meaning of splits' names: 'batch_a=train,batch_b=test,old='.")], None),
    "table": (Annotated[str | None, _option("Table of labels: CSV, TSV, JSON lines or Parquet.")], None),
    "columns": (Annotated[str | None, _option("Its columns: 'path=file,class=mood,split=set,animal=id'.")], None),
    "group_by": (
        Annotated[str | None, _option("What shows one animal: folder, 'regex:(?P<animal>...)', or a CSV.")],
        None,
    ),
    "zip_encoding": (Annotated[str | None, _option("Encoding of names in a .zip that does not say.")], None),
    "only": (Annotated[list[str] | None, _option("Read this class alone; may be given again.")], None),
    "exclude": (Annotated[list[str] | None, _option("Leave this class out; may be given again.")], None),
    "margin": (Annotated[float, _option("Added on each side of an annotated box, as a share of its size.")], 0.0),
    "fps": (Annotated[float, _option("Frames a second that are read of each video.")], 1.0),
}


OUTSIDE: dict[str, tuple[Any, Any]] = {
    "outside_layout": (Annotated[str | None, _option("Pattern of paths of outside images, as --layout.")], None),
    "outside_table": (Annotated[str | None, _option("Table of labels of outside images, as --table.")], None),
    "outside_columns": (Annotated[str | None, _option("Its columns, as --columns.")], None),
}
"""How outside images are read, where a command takes such beside its data."""


def reads_data(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of reading that it has no use of its own for, and put them in force while it runs."""
    signature = inspect.signature(command)
    offered = {name: option for name, option in OPTIONS.items() if name not in signature.parameters}
    besides = {"extra", "outside"} & signature.parameters.keys()
    if besides:
        offered |= OUTSIDE

    @functools.wraps(command)
    def with_options(*args: Any, **given: Any) -> None:
        from petmood.config import read_options, reading

        # an option not given is passed on as nothing, which for several classes is an empty tuple
        told = {name: given.pop(name) for name in offered}
        told = {name: value for name, value in told.items() if value is not None}
        outside = read_options(
            **{name.removeprefix("outside_"): told.pop(name) for name in OUTSIDE.keys() & told.keys()}
        )
        with reading(read_options(**told), outside):
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
