"""A search's standings in a terminal: one table that changes in place; plain lines where nobody watches."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from petmood.cli.console import console
from petmood.report.wording import plain, span

if TYPE_CHECKING:
    from petmood.bundle.schema import StandingFacts

_SHOWN = 12


class Standings:
    """Shows standings as they come, on stderr; used as a context."""

    def __init__(self, to: Console | None = None) -> None:
        self._console = to or console(stderr=True)
        watched = self._console.is_terminal
        self._live = Live(console=self._console, auto_refresh=False, transient=True) if watched else None
        self._known = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, rows: Sequence[StandingFacts], title: str) -> None:
        """See `petmood.methods.selection.Watch`."""
        if self._live is not None:
            # not before there is something to show: what was printed earlier stays above
            self._live.start()
            self._live.update(table(rows[:_SHOWN], f"Judging: {title}" if title else "Judged"), refresh=True)
        elif len(rows) > self._known and rows:
            best = rows[0]
            self._console.print(
                f"{len(rows)} judged; first is {best.name}: {best.accuracy:.3f} "
                f"(95 % interval {span(best.accuracy_ci)}, n = {best.n})",
                soft_wrap=True,
            )
        self._known = len(rows)


def table(rows: Sequence[StandingFacts], title: str) -> Table:
    """Standings, best first."""
    made = Table(title=title)
    made.add_column("candidate", overflow="fold", ratio=1)
    for heading in ("accuracy (95 % interval)", "n", "seconds", "chosen"):
        made.add_column(heading, no_wrap=True)
    for row in rows:
        name = row.name if row.not_exported is None else f"{row.name} (no bundle)"
        figure = plain(row.accuracy, row.accuracy_ci)
        made.add_row(name, figure, str(row.n), f"{row.seconds:.1f}", str(row.chosen))
    return made
