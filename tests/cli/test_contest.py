"""Standings change in place where somebody watches, and are plain lines where nobody does."""

from __future__ import annotations

import io

from rich.console import Console

from petmood.bundle.schema import StandingFacts
from petmood.cli.contest import Standings


def row(name: str, accuracy: float, reason: str | None = None) -> StandingFacts:
    return StandingFacts(
        name=name,
        title=name.title(),
        accuracy=accuracy,
        accuracy_ci=(accuracy - 0.1, accuracy + 0.1),
        macro_f1=0.4,
        n=80,
        seconds=1.0,
        chosen=2,
        not_exported=reason,
    )


def shown(*, terminal: bool) -> str:
    out = io.StringIO()
    with Standings(Console(file=out, force_terminal=terminal, width=100)) as standings:
        standings.show((), "First")
        standings.show((row("first", 0.5),), "Second")
        standings.show((row("second", 0.6, "of a reason"), row("first", 0.5)), "")
    return out.getvalue()


def test_a_terminal_sees_a_table_and_what_is_judged() -> None:
    found = shown(terminal=True)
    assert "Judging: Second" in found
    assert "second (no bundle)" in found
    assert "0.600 (0.500 to 0.700)" in found


def test_a_file_gets_a_line_a_candidate() -> None:
    lines = shown(terminal=False).splitlines()
    assert lines == [
        "1 judged; first is first: 0.500 (95 % interval 0.400 to 0.600, n = 80)",
        "2 judged; first is second: 0.600 (95 % interval 0.500 to 0.700, n = 80)",
    ]
