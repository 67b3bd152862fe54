"""Entry point of the `petmood` command: commands are registered here; their work is imported when they run."""

from __future__ import annotations

import os
import sys
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
    tune,
)
from petmood.cli import run as run_command
from petmood.errors import PetmoodError
from petmood.escaping import one_line
from petmood.version import __version__

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130


class _Command(TyperCommand):
    """A command; while it works, names from data reach the terminal as text alone."""

    def invoke(self, ctx: Any) -> Any:
        """Run it."""
        from petmood.cli.console import guarded

        with guarded():
            return super().invoke(ctx)


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
    try:
        app()
    except PetmoodError as error:
        _complain(str(error))
        sys.exit(EXIT_USER_ERROR)
    except KeyboardInterrupt:
        _complain("interrupted. Finished work is kept: run the same command again to go on.", mark="petmood")
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        # the reader of our output left (e.g. `| head`); a second error while flushing at exit would say nothing more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _complain(message: str, mark: str = "error") -> None:
    typer.echo(f"{typer.style(mark, fg='red', bold=True)}: {one_line(message)}", err=True)
