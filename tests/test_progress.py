from __future__ import annotations

import io

import pytest
from rich.console import Console

from petmood.cli.console import Bars, telling
from petmood.progress import Silent, Timed


def test_stages_are_timed_by_name_even_when_repeated() -> None:
    timed = Timed(Silent())
    for _ in range(2):
        with timed.stage("a", "Doing a") as tick:
            tick(1, 2)
    assert list(timed.seconds) == ["a"]
    assert timed.seconds["a"] >= 0


def test_bars_show_their_stage_and_count_in_a_terminal() -> None:
    out = io.StringIO()
    bars = Bars(Console(file=out, width=80, force_terminal=True))
    with bars.stage("Reading images") as tick:
        tick(3, 7)
        tick(7, 7)
    bars.note("done")
    assert "Reading images" in out.getvalue()
    assert "7/7" in out.getvalue()
    assert "done" in out.getvalue()


@pytest.mark.parametrize(("quiet", "verbose", "stage", "note"), [(0, 0, 0, 1), (1, 0, 0, 0), (0, 1, 1, 1)])
def test_a_pipe_gets_no_progress_but_what_is_asked_for(quiet: int, verbose: int, stage: int, note: int) -> None:
    out = io.StringIO()
    with telling(quiet=bool(quiet), verbose=bool(verbose)):
        bars = Bars(Console(file=out, width=80, force_terminal=False))
        with bars.stage("Reading images") as tick:
            tick(3, 7)
        bars.note("done")
    assert ("Reading images: " in out.getvalue()) == bool(stage)
    assert ("done" in out.getvalue()) == bool(note)
    assert "3/7" not in out.getvalue()


def test_an_error_inside_a_stage_passes_through() -> None:
    with pytest.raises(ValueError, match="boom"), Bars(Console(file=io.StringIO())).stage("x"):
        raise ValueError("boom")
