"""Entry point of the `petmood` command: commands are registered here; their work is imported when they run."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from petmood.cli import (
    audit,
    cache,
    clusters,
    demo,
    embed,
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
from petmood.version import __version__

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130

app = typer.Typer(
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
    typer.echo(f"{typer.style(mark, fg='red', bold=True)}: {message}", err=True)
