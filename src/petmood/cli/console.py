"""Progress in a terminal: a bar a stage on stderr, so that stdout holds results alone."""

from __future__ import annotations

import math
import sys
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TextIO, cast

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
)
from rich.table import Column, Table
from rich.text import Text

from petmood.errors import ConfigError
from petmood.escaping import one_line, terminal
from petmood.progress import Step, Tick

if TYPE_CHECKING:
    from petmood.results import ModelFacts


class _Plain(Console):
    """A console for which every text is data: no markup, and no control characters but its own."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Text as it is drawn, in tables and lines alike."""
        return super().render_str(terminal(text), **options | {"markup": False, "emoji": False})


def console(*, stderr: bool = False) -> Console:
    """A console on stdout (results) or stderr (progress and notes), on which names show as what they are."""
    stream = sys.stderr if stderr else sys.stdout
    raw = stream.raw_stream if isinstance(stream, Guarded) else None
    return _Plain(file=raw, stderr=stderr, highlight=False, markup=False, emoji=False)


def table_of(*headings: str, **options: Any) -> Table:
    """A table in which long names go on in the next line: none is cut."""
    made = Table(**options)
    for heading in headings:
        made.add_column(heading, overflow="fold")
    return made


def figure_lines(models: Iterable[ModelFacts]) -> Iterator[str]:
    """Figures in lines of 80 columns: each model's title, whole, and a line a protocol below it."""
    title = None
    for m in models:
        if m.title != title:
            title = m.title
            yield f"{title} (leaks)" if m.mark else title
        low, high = m.accuracy_ci
        share = f"{100 * m.accuracy:.1f} % ({100 * low:.1f} to {100 * high:.1f} %, n = {m.n:,})"
        yield f"  {m.protocol:<16} {share}, macro-F1 {m.macro_f1:.3f}"


class Guarded:
    """A text stream that takes whatever is printed for data: control characters are written as what they are."""

    def __init__(self, stream: TextIO) -> None:
        self.raw_stream = stream

    def write(self, text: str) -> int:
        """Write text; returns its length."""
        self.raw_stream.write(terminal(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw_stream, name)


@contextmanager
def guarded() -> Iterator[None]:
    """Guard stdout and stderr, so that nothing that a command prints of its data reaches a terminal as a command."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast("TextIO", Guarded(stream)) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


_BESIDE = 32  # columns beside a stage's title and its bar: a sign, "12,345/12,345", "12:34", "12 min left", spaces
_SHORTEST = 5  # columns of a bar that shows anything
_QUIET: ContextVar[bool] = ContextVar("quiet", default=False)
_VERBOSE: ContextVar[bool] = ContextVar("verbose", default=False)


@contextmanager
def telling(*, quiet: bool, verbose: bool) -> Iterator[None]:
    """Put in force how much is told besides results.

    Raises:
        ConfigError: less and more.
    """
    if quiet and verbose:
        raise ConfigError("--quiet and --verbose exclude each other. Choose one.")
    tokens = _QUIET.set(quiet), _VERBOSE.set(verbose)
    try:
        with warnings.catch_warnings():
            if verbose:  # what libraries tell developers
                warnings.simplefilter("default")
            yield
    finally:
        _QUIET.reset(tokens[0])
        _VERBOSE.reset(tokens[1])


def quiet() -> bool:
    """Whether results alone are wanted."""
    return _QUIET.get()


def verbose() -> bool:
    """Whether more is wanted."""
    return _VERBOSE.get()


class _Count(MofNCompleteColumn):
    """How many of how many, once there is anything to count."""

    def render(self, task: Task) -> Text:
        """The figures, or nothing."""
        counts = task.total is not None and task.fields.get("counted", True)
        return super().render(task) if counts else Text("")


class _Elapsed(ProgressColumn):
    """How long it took so far, as 1:05."""

    def render(self, task: Task) -> Text:
        """The time."""
        seconds = int((task.finished_time if task.finished else task.elapsed) or 0)
        return Text(f"{seconds // 60}:{seconds % 60:02d}", style="progress.elapsed")


class _Left(ProgressColumn):
    """How long it will still take: all steps, where the stage is one of several, else this one."""

    def __init__(self, title: str) -> None:
        super().__init__(Column(no_wrap=True))
        self._step = title if isinstance(title, Step) else None

    def render(self, task: Task) -> Text:
        """The time, or nothing while it cannot be told."""
        if task.finished:
            return Text("")
        part = task.completed / task.total if task.total else 0.0
        left = self._step.left(part) if self._step is not None else task.time_remaining
        return Text("" if left is None or left < 1 else f"{_about(left)} left")


def _about(seconds: float) -> str:
    if seconds < 10:
        return "10 s"
    if seconds < 90:
        return f"{math.ceil(seconds / 10) * 10} s"
    return f"{math.ceil(seconds / 60)} min"


class Bars:
    """Shows each stage as a bar which stays, finished, with the seconds it took: in a terminal, and not if quiet."""

    def __init__(self, to: Console | None = None) -> None:
        self._console = to or console(stderr=True)

    @contextmanager
    def stage(self, title: str) -> Iterator[Tick]:
        """Show a stage; it counts once its total is known, and spins until then."""
        if quiet() or not self._console.is_terminal:
            start = time.perf_counter()
            yield lambda done, total: None
            if _VERBOSE.get():
                self.note(f"{title}: {time.perf_counter() - start:.1f} s")
            return
        step = f"step {title.number} of {title.of}: " if isinstance(title, Step) else ""
        said = f"{step}{one_line(title)}"
        room = self._console.width - len(said) - _BESIDE
        columns = (
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True)),
            *([BarColumn(bar_width=min(room, 24))] if room >= _SHORTEST else []),
            _Count(table_column=Column(no_wrap=True)),
            _Elapsed(table_column=Column(no_wrap=True)),
            _Left(title),
        )
        with Progress(*columns, console=self._console) as bars:
            task = bars.add_task(said, total=None)
            yield lambda done, total: bars.update(task, completed=done, total=total)
            counted = bars.tasks[0].total
            bars.update(task, completed=counted or 1, total=counted or 1, counted=counted is not None)

    def note(self, text: str) -> None:
        """Show one line."""
        if not quiet():
            self._console.print(text, markup=False, soft_wrap=True)


def tell(facts: object, json: bool, shown: Iterable[str | Table | Text]) -> None:
    """Print on stdout what a command found: as JSON, or else what people read.

    Args:
        facts: a model, a dataclass, or a dictionary or list of such.
        json: whether JSON is wanted.
        shown: tables, texts, which are wrapped unless they say otherwise, and lines, which stay whole however long.
    """
    if json:
        from pydantic import TypeAdapter

        typer.echo(TypeAdapter[object](object).dump_json(facts, by_alias=True, indent=2).decode())
        return
    out = console()
    for one in shown:
        out.print(one, soft_wrap=isinstance(one, str) or (isinstance(one, Text) and bool(one.no_wrap)))
