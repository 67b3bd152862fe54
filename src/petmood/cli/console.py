"""Progress in a terminal: a bar a stage on stderr, so that stdout holds results alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from petmood.progress import Tick


def console(*, stderr: bool = False) -> Console:
    """A console on stdout (results) or stderr (progress and notes)."""
    return Console(stderr=stderr, highlight=False)


class Bars:
    """Shows each stage as a bar which stays, finished, with the seconds it took."""

    def __init__(self, to: Console | None = None) -> None:
        self._console = to or console(stderr=True)

    @contextmanager
    def stage(self, title: str) -> Iterator[Tick]:
        """Show a stage; it counts once its total is known, and spins until then."""
        columns = (
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console) as bars:
            task = bars.add_task(title, total=None)
            yield lambda done, total: bars.update(task, completed=done, total=total)
            if bars.tasks[0].total is None:
                bars.update(task, completed=1, total=1)

    def note(self, text: str) -> None:
        """Show one line."""
        self._console.print(text, markup=False, soft_wrap=True)


def print_json(facts: dict[str, Any]) -> None:
    """Print facts as indented JSON on stdout."""
    print(json.dumps(facts, indent=2, ensure_ascii=False, allow_nan=False))  # noqa: T201 - this is the output
