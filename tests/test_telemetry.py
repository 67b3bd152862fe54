"""petmood and the libraries it uses call nobody: no look-up, no connection, nothing kept to be sent later."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bundle_fixtures import Trained

GUARD = """
import json, os, sys
def look(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname", "urllib.Request"):
        place = arguments[-1] if event in ("socket.connect", "socket.sendto") else arguments[0]
        host = place[0] if isinstance(place, tuple) else place
        if not isinstance(place, str | bytes) or event != "socket.connect":  # a path is a socket of this machine
            if host not in ("127.0.0.1", "::1", "localhost", "0.0.0.0", None, ""):
                with open(os.environ["PETMOOD_TEST_CALLS"], "a") as calls:
                    calls.write(json.dumps([event, repr(arguments)]) + "\\n")
                raise OSError("no calls in this test")
sys.addaudithook(look)
"""

COMMANDS = """
import json, sys
from petmood.cli.main import app
for words in json.loads(sys.argv[1]):
    app(words, standalone_mode=False)
"""

CALL = """
import socket
for call in (lambda: socket.getaddrinfo("example.org", 80), lambda: socket.create_connection(("192.0.2.1", 80), 1)):
    try:
        call()
    except OSError:
        pass
"""


def _has_namespaces() -> bool:
    tool = shutil.which("unshare")
    return tool is not None and subprocess.run([tool, "-rn", "true"], capture_output=True, check=False).returncode == 0


def run(code: str, words: list[list[str]], home: Path) -> tuple[list[str], int, list[str]]:
    """Run code in a network of its own where there are such: (calls, packets that found no way out, files kept)."""
    home.mkdir()
    (home / "sitecustomize.py").write_text(GUARD)
    calls = home / "calls.jsonl"
    path = os.pathsep.join([str(home), *(p for p in sys.path if p)])
    places = {"HOME": home, "XDG_CACHE_HOME": home / ".cache", "XDG_DATA_HOME": home / ".local"}
    kept = {k: v for k, v in os.environ.items() if "TELEMETRY" not in k and k not in ("DO_NOT_TRACK",)}
    environment = (
        kept
        | {k: str(v) for k, v in places.items()}
        | {
            "PYTHONPATH": path,
            "PETMOOD_CACHE": str(home / "cache"),
            "PETMOOD_TEST_CALLS": str(calls),
        }
    )
    command = [sys.executable, "-c", code, json.dumps(words)]
    if _has_namespaces():
        command = ["unshare", "-rn", "sh", "-c", '"$@"; code=$?; grep ^Ip: /proc/net/snmp; exit $code', "sh", *command]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    heads, values = ([line.split()[1:] for line in done.stdout.splitlines() if line.startswith("Ip: ")] or [[], []])[
        -2:
    ]
    lost = int(dict(zip(heads, values, strict=True)).get("OutNoRoutes", 0))
    files = [p.relative_to(home).as_posix() for p in home.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    ours = ("cache/", "out/", "sitecustomize.py", "calls.jsonl")
    return (
        calls.read_text().splitlines() if calls.exists() else [],
        lost,
        [f for f in files if not f.startswith(ours) and "matplotlib" not in f and "fontconfig" not in f],
    )


def test_a_call_would_be_seen(tmp_path: Path) -> None:
    calls, lost, _ = run(CALL, [], tmp_path / "home")
    assert len(calls) == 2
    calls, lost, _ = run(
        CALL.replace("import socket", "import _socket as socket").replace(
            'socket.create_connection(("192.0.2.1", 80), 1)', "None"
        ),
        [],
        tmp_path / "again",
    )
    assert calls or lost


@pytest.mark.timeout(600)
def test_no_prediction_calls_anybody(tiny_data: Path, trained: Trained, tmp_path: Path) -> None:
    words = [["predict", str(trained.path), str(next(tiny_data.rglob("*.jpg")))]]
    assert run(COMMANDS, words, tmp_path / "home") == ([], 0, [])


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_no_command_calls_anybody(tiny_data: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    data, out = str(tiny_data), home / "out"
    words = [
        ["audit", data],
        ["train", data, "--out", str(out / "m")],
        ["embed", data, "--out", str(out / "e")],
        ["cluster", data, "--out", str(out / "c"), "--k", "2"],
        ["models"],
        ["cache", "list"],
    ]
    assert run(COMMANDS, words, home) == ([], 0, [])


def test_what_the_user_has_decided_stands() -> None:
    code = "import petmood, os; print(os.environ['ORT_DISABLE_TELEMETRY'], os.environ['DO_NOT_TRACK'])"
    environment = {**os.environ, "ORT_DISABLE_TELEMETRY": "0", "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "1"]
