"""The study's CNN, trained by a second process while a run does everything else.

Both are Python on every core, and two threads of one interpreter wait for each other. The second process only fills
petmood's cache: a run finds there what it would have computed itself, and computes what is missing. So whatever may
happen to that process changes nothing but the time.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import IO, Any, Final, Self

from petmood.build.study_networks import cnn_settings, is_trained, processes, train_cnn
from petmood.config import ReadOptions, RunSettings
from petmood.dataset import Dataset
from petmood.dataset.opening import open_manifest
from petmood.errors import is_there
from petmood.progress import Tick
from petmood.store import read_manifest, write_manifest
from petmood.threads import cores, one_thread

NETWORK: Final = "cnn1"
WORTH: Final = 10_000_000
"""Pixels that training must read in all its epochs to be worth a process, which imports for seconds."""

_LOOK: Final = 0.1
"""Seconds between two looks at how far the process is."""


class TrainedMeanwhile:
    """A context in which a second process trains; it ends with the context, and with this process."""

    def __init__(self, data: Dataset, settings: RunSettings, worth: int = WORTH) -> None:
        """Prepare.

        Args:
            data: what to train on, with complete splits.
            settings: of the run.
            worth: pixels to read above which a process is begun.
        """
        self._data, self._settings = data, settings
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None
        self._done = (0, 1)
        self._wanted = settings.cnn and settings.cnn_threads == 1 and _can_begin() and _pixels(data, settings) >= worth

    @property
    def begun(self) -> bool:
        """Whether there is, or was, a second process."""
        return self._process is not None

    def __enter__(self) -> Self:
        """Begin the process, unless the network is trained already or would be at once."""
        source = self._data.origin.data
        if not self._wanted or is_trained(self._data, NETWORK, cnn_settings(self._settings)):
            return self
        if not source.exists():  # of a hub: fetched once is enough
            return self
        self._folder = Path(mkdtemp(prefix="petmood-"))
        manifest = self._folder / "manifest.csv"
        write_manifest(manifest, self._data.manifest)
        told = {
            "manifest": str(manifest),
            "data": str(source.absolute()),
            "options": self._data.origin.options.model_dump_json(),
            "settings": self._settings.model_dump_json(),
        }
        try:
            self._process = subprocess.Popen(
                # -P: the current folder is not where modules are looked for
                [sys.executable, "-P", "-m", "petmood.jobs.meanwhile"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
                start_new_session=True,  # Ctrl-C is this process's to answer
            )
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps(told).encode() + b"\n")
            self._process.stdin.flush()  # and stays open: its end tells the process that this one is gone
        except OSError:  # no second process here
            return self
        threading.Thread(target=self._listen, args=(self._process.stdout,), name="petmood-cnn", daemon=True).start()
        return self

    def wait(self, tick: Tick) -> None:
        """Wait until the process has ended, however it ended."""
        while self._process is not None and self._process.poll() is None:
            tick(*self._done)
            time.sleep(_LOOK)

    def __exit__(self, *ignored: object) -> None:
        """End the process, if it is still there."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                with suppress(OSError):  # what it was told last, it did not live to read
                    if pipe is not None:
                        pipe.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _listen(self, lines: IO[bytes]) -> None:
        try:
            for line in lines:
                done, _, total = line.partition(b" ")
                self._done = int(done), int(total)
        except ValueError:  # closed by the end of the context
            return


def _can_begin() -> bool:
    """Whether this machine and interpreter can have a second process that helps."""
    one_of_many = cores() < 2 or processes() > 1
    return not one_of_many and is_there("torch") and bool(sys.executable) and not hasattr(sys, "frozen")


def _pixels(data: Dataset, settings: RunSettings) -> int:
    return len(data.manifest.in_split("train")) * settings.cnn_epochs * settings.cnn_size**2


def main() -> None:
    """The second process: what to do stands in one line of its input, how far it is in lines of its output."""
    # not buffered: the lock of a buffer that a thread waits in would keep the process from ending
    given = open(0, "rb", buffering=0, closefd=False)  # noqa: SIM115  # it ends with the process
    told: dict[str, Any] = json.loads(given.readline())
    threading.Thread(target=end_with_parent, args=(given,), daemon=True).start()
    manifest = read_manifest(Path(told["manifest"]))
    shutil.rmtree(Path(told["manifest"]).parent, ignore_errors=True)  # whatever may end the process that wrote it
    settings = RunSettings.model_validate_json(told["settings"])
    options = ReadOptions.model_validate_json(told["options"])

    def tick(done: int, total: int) -> None:
        sys.stdout.write(f"{done} {total}\n")
        sys.stdout.flush()

    with open_manifest(Path(told["data"]), manifest, options=options) as data, one_thread("blas"):
        train_cnn(data, NETWORK, cnn_settings(settings), tick)


def end_with_parent(given: IO[bytes]) -> None:
    """End this process when what gives it its input has ended; the last epoch's checkpoint stays, to go on from."""
    given.read()
    os._exit(1)


if __name__ == "__main__":
    main()
