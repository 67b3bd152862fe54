"""Streams that cannot take what is printed: one clear end, and never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

RUN = "from petmood.cli.main import run; run()"


def petmood(words: list[str], redirect: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(p for p in sys.path if p)
    return subprocess.run(
        ["sh", "-c", f'"$@" {redirect}', "sh", sys.executable, "-c", RUN, *words],
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("words", [["cache", "list"]])
def test_a_full_disk_is_one_line(words: list[str]) -> None:
    done = petmood(words, "> /dev/full")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "No space left" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell")
@pytest.mark.parametrize("redirect", [">&-", "2>&-", ">&- 2>&-", "2> /dev/full"])
def test_closed_streams_are_no_traceback(redirect: str) -> None:
    if "full" in redirect and not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    done = petmood(["cache", "list"], redirect)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_names_are_shown_in_any_encoding(encoding: str) -> None:
    done = petmood(["cache", "prune", "--max-size", "\u00e9-\U0001f436"], PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
