"""Keras on TensorFlow in an environment of its own: orders go in, the seconds they took come out."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sheet import REPOSITORY

ABSENT = "No peer was measured: name its Python with --peer-python or PEER_PYTHON (see benchmarks/README.md)."


class Keras:
    """A running peer.

    Attributes:
        versions: of keras and tensorflow, in words.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.versions = ", ".join(f"{name} {number}" for name, number in self._answer().items())

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("the peer ended without an answer; run it by hand: benchmarks/peers/keras_peer.py")
        return json.loads(line)

    def do(self, what: str, **arguments: object) -> float:
        """Seconds that the peer took, by its own clock."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": what, **arguments}) + "\n")
        self._process.stdin.flush()
        return float(self._answer())


@contextmanager
def keras(python: str | None) -> Iterator[Keras | None]:
    """Start the peer, and end it afterwards; None where no Python is named."""
    if not python:
        yield None
        return
    script = REPOSITORY / "benchmarks" / "peers" / "keras_peer.py"
    # petmood's own packages must not reach the peer
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    process = subprocess.Popen(
        [python, str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    )
    try:
        yield Keras(process)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        process.wait(30)
