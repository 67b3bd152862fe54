"""Entry point of the `petmood` command: commands are registered here; their work is imported when they run."""

from __future__ import annotations

import errno
import os
import re
import sys
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from petmood.cli import (
    audit,
    cache,
    clusters,
    compare,
    demo,
    embed,
    evaluate,
    export,
    honesty,
    interrupt,
    labels,
    leaderboard,
    models,
    predict,
    pretrain,
    quantise,
    review,
    serve,
    species,
    study,
    train,
    travel,
    tune,
)
from petmood.cli import run as run_command
from petmood.errors import ConfigError, PetmoodError
from petmood.escaping import one_line
from petmood.version import __version__

EXIT_USER_ERROR = 2
_LONGEST = 4000
_EMPTY = re.compile(r"--[a-z-]+=")
_NO_MEMORY = re.compile(r"failed to map segment|cannot allocate memory", re.IGNORECASE)
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO})


class _Command(TyperCommand):
    """A command; no word of it is empty, and while it works, names from data reach the terminal as text alone."""

    def invoke(self, ctx: Any) -> Any:
        """Run it."""
        from petmood.cli.console import guarded

        with guarded():
            return super().invoke(ctx)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words; an empty one is what a variable without a value leaves, and would mean the current folder."""
        if empty := [word for word in args if not word or _EMPTY.fullmatch(word)]:
            raise ConfigError(f"{empty[0] or 'an argument'} is empty: ''. Give a value, or '.' for the current folder.")
        return super().parse_args(ctx, args)


class _App(typer.Typer):
    """An application whose commands are all of one kind."""

    def command(self, name: str | None = None, **options: Any) -> Any:
        """Register a command."""
        return super().command(name, **{"cls": _Command, **options})


app = _App(
    name="petmood",
    help="Read the mood of pets from pictures of their faces, and know how well that can be done.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
run_command.register(app)
audit.register(app)
train.register(app)
travel.register(app)
predict.register(app)
evaluate.register(app)
compare.register(app)
serve.register(app)
export.register(app)
quantise.register(app)
demo.register(app)
labels.register(app)
clusters.register(app)
embed.register(app)
cache.register(app)
review.register(app)
models.register(app)
species.register(app)
honesty.register(app)
study.register(app)
leaderboard.register(app)
tune.register(app)
pretrain.register(app)


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
    """Run the command line; errors a user can mend are one line and exit code 2, anything else is a bug and shows."""
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
            app()
        except SystemExit as end:
            code = end.code
        if sys.stdout is not None:
            sys.stdout.flush()
    except PetmoodError as error:
        _complain(str(error))
        return EXIT_USER_ERROR
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


def _accept_any_encoding() -> None:
    """Let a stream whose encoding lacks a character show its number instead of failing; a closed one is no stream."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
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
        typer.echo(f"{typer.style(mark, fg='red', bold=True)}: {shown}", err=True)
        sys.stderr.flush()
    except (OSError, ValueError):  # where nobody can be told, the exit code tells
        _leave(sys.stderr)
