"""A search that several real processes share: no trial is lost, none is done twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from needs import needs
from petmood.errors import ConfigError
from petmood.training.search import Range, SearchOutcome, TrialScores, search

needs("optuna")

SPACE = {"x": Range(-2.0, 2.0), "kind": ("a", "b")}

WORKER = """
import os, pathlib, signal, sys, time
from petmood.training.search import TrialScores, Range, search
storage, meeting, trials, dies = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "dies"
me = meeting / str(os.getpid())

def judge(choices, report):
    with (meeting / "judged").open("a") as log:
        log.write(f"{choices['x']!r} {choices['kind']}\\n")
    me.touch()
    while len([p for p in meeting.iterdir() if p.name.isdigit()]) < 2:
        time.sleep(0.01)  # until each process has a trial in hand
    if dies:
        os.kill(os.getpid(), signal.SIGKILL)
    return TrialScores((choices["x"] - 1) ** 2, 0.5, None)

space = {"x": Range(-2.0, 2.0), "kind": ("a", "b")}
found = search(judge, space, storage, "s", trials=trials, minutes=None, seed=1, on_trial=lambda done, total: None)
print(len(found.trials))
"""


def alone(storage: str, trials: int, before: Callable[[], None] = lambda: None) -> SearchOutcome:
    def judge(choices, report):  # type: ignore[no-untyped-def]
        before()
        return TrialScores((choices["x"] - 1) ** 2, 0.5, None)

    return search(judge, SPACE, storage, "s", trials=trials, minutes=None, seed=1, on_trial=lambda done, total: None)


def worker(storage: str, meeting: Path, trials: int, *, dies: bool) -> subprocess.CompletedProcess[str]:
    """A search in a process of its own, waited for: a killed one that nobody waits for is there for those who look."""
    return subprocess.run(
        [sys.executable, "-c", WORKER, storage, str(meeting), str(trials), "dies" if dies else "lives"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


@pytest.mark.slow
def test_two_processes_share_the_trials(tmp_path: Path) -> None:
    storage, meeting = str(tmp_path / "trials.journal"), tmp_path / "meeting"
    meeting.mkdir()
    with ThreadPoolExecutor(2) as pool:
        processes = list(pool.map(lambda _: worker(storage, meeting, 7, dies=False), range(2)))
    assert [p.returncode for p in processes] == [0, 0], [p.stderr for p in processes]
    found = alone(storage, 7)
    judged = (meeting / "judged").read_text().splitlines()
    assert len(judged) == len(found.trials) == 7
    assert sorted(judged) == sorted(f"{t.params['x']!r} {t.params['kind']}" for t in found.trials)
    assert len(set(judged)) == 7  # two processes with one seed draw different choices
    assert [p.stdout.strip() for p in processes] == ["7", "7"]


def test_a_killed_process_loses_no_trial(tmp_path: Path) -> None:
    storage, meeting = str(tmp_path / "trials.journal"), tmp_path / "meeting"
    meeting.mkdir()

    def before() -> None:
        (meeting / str(os.getpid())).touch()
        while len([p for p in meeting.iterdir() if p.name.isdigit()]) < 2 and not other.done():
            time.sleep(0.01)  # until the other has a trial in hand too

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(worker, storage, meeting, 6, dies=True)
        found = alone(storage, 6, before)
        assert other.result().returncode == -signal.SIGKILL, other.result().stderr
    assert [t.state for t in found.trials] == ["complete"] * 6
    assert len({t.number for t in found.trials}) == 6


def test_a_resumed_search_draws_what_it_would_have_drawn(tmp_path: Path) -> None:
    whole = alone(str(tmp_path / "whole"), 14)
    for trials in (3, 11, 14):
        parts = alone(str(tmp_path / "parts"), trials)
    assert parts.trials == whole.trials
    assert whole.best.loss == min(t.loss for t in whole.trials if t.loss is not None)


def test_a_database_holds_a_search_too(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path}/trials.db"
    first = alone(storage, 2)
    assert alone(storage, 4).trials[:2] == first.trials


def test_a_storage_that_cannot_be_opened_is_said() -> None:
    with pytest.raises(ConfigError, match="Check --storage"):
        alone("nosuch://place", 1)
