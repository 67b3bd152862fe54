"""A search that several real processes share: no trial is lost, none is done twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from petmood.errors import ConfigError
from petmood.training.search import Range, SearchOutcome, TrialScores, search

pytest.importorskip("optuna")

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


def alone(storage: str, trials: int) -> SearchOutcome:
    def judge(choices, report):  # type: ignore[no-untyped-def]
        return TrialScores((choices["x"] - 1) ** 2, 0.5, None)

    return search(judge, SPACE, storage, "s", trials=trials, minutes=None, seed=1, on_trial=lambda done, total: None)


def together(storage: str, meeting: Path, trials: int, *, dies: bool) -> list[subprocess.CompletedProcess[str]]:
    meeting.mkdir()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, storage, str(meeting), str(trials), "dies" if dies and i else "lives"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for i in range(2)
    ]
    # both at once: a killed process that nobody has waited for is still there for those who look
    with ThreadPoolExecutor(2) as pool:
        texts = list(pool.map(lambda process: process.communicate(timeout=100), processes))
    return [
        subprocess.CompletedProcess("worker", process.returncode, *text)
        for process, text in zip(processes, texts, strict=True)
    ]


@pytest.mark.slow
def test_two_processes_share_the_trials(tmp_path: Path) -> None:
    storage = str(tmp_path / "trials.journal")
    processes = together(storage, tmp_path / "meeting", 7, dies=False)
    assert [p.returncode for p in processes] == [0, 0], [p.stderr for p in processes]
    found = alone(storage, 7)
    judged = (tmp_path / "meeting" / "judged").read_text().splitlines()
    assert len(judged) == len(found.trials) == 7
    assert sorted(judged) == sorted(f"{t.params['x']!r} {t.params['kind']}" for t in found.trials)
    assert len(set(judged)) == 7  # two processes with one seed draw different choices
    assert [p.stdout.strip() for p in processes] == ["7", "7"]


def test_a_killed_process_loses_no_trial(tmp_path: Path) -> None:
    storage = str(tmp_path / "trials.journal")
    processes = together(storage, tmp_path / "meeting", 6, dies=True)
    assert [p.returncode for p in processes] == [0, -signal.SIGKILL], [p.stderr for p in processes]
    found = alone(storage, 6)
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
