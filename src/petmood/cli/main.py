"""Entry point of the `petmood` command: commands are registered here; their work is imported when they run."""

from __future__ import annotations

import difflib
import errno
import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from petmood.cli import (
    clusters,
    compare,
    doctor,
    evaluate,
    export,
    honesty,
    interrupt,
    labels,
    layout,
    predict,
    quantize,
    serve,
    species,
    study,
    train,
)
from petmood.cli import run as run_command
from petmood.cli.reading import shared
from petmood.errors import PetmoodError
from petmood.escaping import one_line, register_plain
from petmood.version import __version__

EXIT_USER_ERROR = 2
_LONGEST = 4000
_NO_MEMORY = re.compile(r"failed to map segment|cannot allocate memory", re.IGNORECASE)
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO})
_NO_CHOICE = re.compile(r"'(?P<got>[^']*)' is not one of (?P<known>'.*')\.")

COMMANDS: Final[dict[str, dict[str, Callable[..., None]]]] = {
    "Everyday": {
        "predict": predict.predict,
        "serve": serve.serve,
        "run": run_command.run,
        "audit": honesty.audit,
        "train": train.train,
        "evaluate": evaluate.evaluate,
        "compare": compare.compare,
        "review": serve.review,
    },
    "Look closer": {
        "labels": labels.labels,
        "species": species.species,
        "leakage": honesty.leakage,
        "travel": evaluate.travel,
        "grade": evaluate.grade,
        "cluster": clusters.cluster,
        "name-clusters": clusters.name_clusters,
    },
    "The study": {
        "study": study.study,
        "regrade": honesty.regrade,
        "leaderboard": study.leaderboard,
        "tune": study.tune,
        "models": study.models,
    },
    "Large sets": {
        "embed": clusters.embed,
        "quantize": quantize.quantize,
        "pretrain": quantize.pretrain,
    },
    "Housekeeping": {
        "export": export.export,
        "push": export.push,
        "export-data": labels.export_data,
        "demo-data": doctor.demo_data,
        "doctor": doctor.doctor,
        "cache": doctor.cache,
    },
}
"""Every command in the panel of `--help` in which it stands."""

app = layout.app(
    name="petmood",
    help="Read the mood of pets from pictures of their faces, and know how well that can be done.",
)
for _panel, _commands in COMMANDS.items():
    for _name, _command in _commands.items():
        app.command(_name, cls=layout.Command, rich_help_panel=_panel)(shared(_command))
_runs = layout.app(help="What runs, models and evaluations there are.")
_runs.command("list", cls=layout.Command)(shared(compare.list_runs))
app.add_typer(_runs, name="runs", rich_help_panel="Housekeeping")
app.command("quantise", cls=layout.Command, hidden=True)(shared(quantize.quantize))


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"petmood {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Options that stand before a command."""


def run() -> None:
    """Run the command line; errors a user can fix are one line and exit code 2, anything else is a bug and shows."""
    _accept_any_encoding()
    code: object = interrupt.EXIT
    with interrupt.Interruptible() as working:
        try:
            code = _outcome()
        except BaseException:
            if not working.asked:
                raise
    if working.asked or code == interrupt.EXIT:
        _complain(interrupt.SAID, mark="petmood")
        code = interrupt.EXIT
    sys.exit(code)  # type: ignore[arg-type]


def _outcome() -> object:
    """The exit code of the command that was asked for, all of its output printed."""
    code: object = 0
    try:
        try:
            code = app(prog_name="petmood", standalone_mode=False) or 0
        except SystemExit as end:
            code = end.code
        if sys.stdout is not None:
            sys.stdout.flush()
    except PetmoodError as error:
        _complain(str(error))
        return EXIT_USER_ERROR
    except typer.TyperException as error:
        return _misused(error)
    except typer.Abort:  # the input ended where an answer was awaited
        return 1
    except BrokenPipeError:
        # the reader of our output left (e.g. `| head`); a second error while flushing at exit would say nothing more
        _leave(sys.stdout)
        return 1
    except OSError as error:
        if error.errno is None:
            raise
        where = f" {os.fsdecode(error.filename)}" if isinstance(error.filename, str | bytes) else ""
        _leave(sys.stdout)
        if error.errno in _NO_ROOM:
            _complain(f"cannot write{where}: {error.strerror}. Free space, or write to another place.")
        else:
            _complain(f"cannot read or write{where}: {error.strerror}. Look at the path and its permissions.")
        return EXIT_USER_ERROR
    except (MemoryError, ImportError) as error:
        # a module's machine code that finds no room is an error of its import
        if isinstance(error, ImportError) and not _NO_MEMORY.search(str(error)):
            raise
        _complain("there is not enough memory for this. Close other programs, or take fewer or smaller inputs.")
        return EXIT_USER_ERROR
    return code


def _misused(error: typer.TyperException) -> int:
    """Say what is wrong with the words of the command line; returns the exit code."""
    ctx = getattr(error, "ctx", None)
    message = error.format_message().replace("Value error, ", "")
    if ctx is not None and message == ctx.get_help():  # no words at all
        typer.echo(message, err=True)
        return EXIT_USER_ERROR
    if found := _NO_CHOICE.search(message):
        near = difflib.get_close_matches(found["got"], re.findall(r"'([^']*)'", found["known"]), n=1)
        message += f" Did you mean '{near[0]}'?" if near else ""
    asked = ctx.command_path if ctx is not None else "petmood"
    ended = message if message.endswith(("?", ".")) else f"{message}."
    _complain(f"{ended[:1].lower()}{ended[1:]} See {asked} --help.")
    return EXIT_USER_ERROR


def _accept_any_encoding() -> None:
    """Let a stream whose encoding lacks a character show its number instead of failing; a closed one is no stream."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=register_plain())
    # without these, as where a process was started with closed streams, the first line printed would be a traceback
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - lasts as long as the process
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - lasts as long as the process


def _leave(stream: Any) -> None:
    """Send what is still to be flushed at exit nowhere: it would fail a second time, with an exit code of its own."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _complain(message: str, mark: str = "error") -> None:
    shown = one_line(message)
    if len(shown) > _LONGEST:  # a path may be as long as it likes
        shown = f"{shown[: _LONGEST // 2]} ... {shown[-_LONGEST // 2 :]}"
    try:
        coloured = mark if "NO_COLOR" in os.environ else typer.style(mark, fg="red", bold=True)
        typer.echo(f"{coloured}: {shown}", err=True)
        sys.stderr.flush()
    except (OSError, ValueError):  # where nobody can be told, the exit code tells
        _leave(sys.stderr)
