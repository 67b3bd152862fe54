"""Ctrl-C at any instant: one line and exit code 130, whatever was being imported or done."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from command import Petmood
from drawing import split_files, write_tree
from petmood.cli import main

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends the signal of POSIX")

AIMED = """
import os, signal, sys
count, event, at = 0, sys.argv[1], int(sys.argv[2])
def look(what, arguments):
    global count
    count += what == event
    if count == at:
        count += 1
        os.kill(os.getpid(), signal.SIGINT)
from petmood.__main__ import main
sys.argv[:] = ["petmood", *sys.argv[3:]]
sys.addaudithook(look)
main()
"""
"""Presses Ctrl-C at the n-th event of a kind after the entry point was reached."""


def start(*words: str) -> subprocess.Popen[str]:
    def heard() -> None:  # a test in the background of a shell must not pass on that Ctrl-C is ignored
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    return subprocess.Popen(
        [sys.executable, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        preexec_fn=heard,
    )


@pytest.mark.parametrize(
    ("event", "last"), [("import", 40), ("import", 400), ("import", 900), ("exec", 300), ("open", 600), ("open", 1500)]
)
def test_at_any_import_and_any_file(tmp_path: Path, event: str, last: int) -> None:
    data = write_tree(tmp_path / "data", split_files(2))
    at = random.Random(last).randint(1, last)
    with start("-c", AIMED, event, str(at), "audit", str(data), "--families", "names") as process:
        _, told = process.communicate(timeout=120)
    assert (process.returncode, told.count("petmood: interrupted"), "Traceback" in told) == (130, 1, False), told


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
def test_at_any_time(tmp_path: Path, seed: int) -> None:
    data = write_tree(tmp_path / "data", split_files(2))
    code = "print('here', flush=True); from petmood.__main__ import main; main()"
    with start("-c", code, "audit", str(data)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        time.sleep(random.Random(seed).uniform(0.03, 0.9))
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=120)
    assert "Traceback" not in told
    assert process.returncode in (0, 130)


def _becomes_another() -> None:
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)
    except KeyboardInterrupt:
        raise ImportError("half of a module") from None


def _is_passed_on() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(5)


def _ends_the_process() -> None:
    try:
        _is_passed_on()
    finally:
        sys.exit(1)


@pytest.mark.parametrize("work", [_becomes_another, _is_passed_on, _ends_the_process])
def test_whatever_becomes_of_the_exception(
    petmood: Petmood, monkeypatch: pytest.MonkeyPatch, work: Callable[[], None]
) -> None:
    outside = signal.signal(signal.SIGINT, signal.default_int_handler)  # shells ignore it for what they start behind
    try:
        monkeypatch.setattr(main, "app", lambda **_: work())
        done = petmood()
        assert (done.returncode, done.stderr.count("\n")) == (130, 1)
        assert done.stderr.startswith("petmood: interrupted.")
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, outside)


@pytest.mark.parametrize("unseen", ["class A:\n def __del__(self): stop()\nA()", "stop(); stop()"])
def test_where_nobody_can_catch_it_and_a_second_time_it_ends_at_once(unseen: str) -> None:
    code = (
        "import os, signal, sys, time\nfrom petmood.cli.interrupt import Interruptible\n"
        "def stop():\n try:\n  os.kill(os.getpid(), signal.SIGINT); time.sleep(5)\n"
        " except KeyboardInterrupt:\n  if 'A' in globals(): raise\n"
        f"with Interruptible():\n exec({unseen!r})\n time.sleep(5)\n"
    )
    with start("-c", code) as process:
        _, told = process.communicate(timeout=60)
    assert (process.returncode, told.count("\n")) == (130, 1), told


def test_where_it_is_ignored_it_stays_so(petmood: Petmood, monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        monkeypatch.setattr(main, "app", lambda **_: os.kill(os.getpid(), signal.SIGINT))
        assert petmood().returncode == 0
    finally:
        signal.signal(signal.SIGINT, before)
