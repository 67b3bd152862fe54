"""The `petmood` command as a user calls it, in this process: one each would spend its time importing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import pytest
import typer.main
import typer.testing

# what is made of the functions is the same each time, and making it takes longer than most of what is called
typer.main.get_command = typer.testing._get_command = cache(typer.main.get_command)


class Done(NamedTuple):
    """What a command came to."""

    returncode: int
    stdout: str
    stderr: str


Petmood = Callable[..., Done]


@pytest.fixture
def petmood(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Petmood:
    """The command's entry point: arguments -> what it came to."""
    from petmood.cli import main

    def call(*args: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["petmood", *map(str, args)])
        monkeypatch.setenv("COLUMNS", "160")
        code: object = 0
        try:
            main.run()
        except SystemExit as stop:
            code = stop.code
        shown = capsys.readouterr()
        return Done(code if isinstance(code, int) else 0, shown.out, shown.err)

    return call
