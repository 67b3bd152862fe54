"""Processes that are stopped at a chosen moment: before their n-th change to the disk, for every n."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

_CHANGES = frozenset({"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate"})
_STOPPED = 113


def stop_before(n: int, root: Path) -> Callable[[], int]:
    """Make this process end, as if killed, before its n-th change below `root`; returns how to ask for the count."""
    count = 0
    inside = os.fspath(root)

    def look(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            writes = bool((arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        else:
            writes = event in _CHANGES
        if writes and arguments and isinstance(arguments[0], str | bytes | os.PathLike):
            # what removes a folder names files by themselves, relative to a folder that it holds open
            path = os.fsdecode(arguments[0])
            if path.startswith(inside) or os.sep not in path:
                step()

    def step() -> None:
        nonlocal count
        count += 1
        if count == n:
            os._exit(_STOPPED)

    def fsync(handle: int) -> None:
        step()  # a process that ends loses nothing that is not on the disk yet

    os.fsync = fsync
    sys.addaudithook(look)
    return lambda: count


def at_every_step(tmp_path: Path, prepare: Callable[[Path], object], work: Callable[[Path], object]) -> Iterator[Path]:
    """Yield the folder of each round: prepared, then worked in by a process that was stopped one step later."""
    for n in range(1, 1000):
        root = tmp_path / f"round-{n}"
        root.mkdir()
        prepare(root)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                stop_before(n, root)
                work(root)
                code = 0
            finally:
                os._exit(code)
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert ended in (0, _STOPPED), f"round {n} failed by itself"
        if ended == 0:
            return
        yield root
    raise AssertionError("the work has no end")


@cache
def _digest(path: Path, *state: int) -> str:
    """SHA-256 of a file in a state: whoever writes to it, or puts another in its place, changes the state."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def picture_of(root: Path) -> dict[str, str]:
    """Every path below a folder, with the digest of its bytes, or what a link says."""
    found = {}
    for path in sorted(root.rglob("*")):
        if path.is_symlink():
            found[str(path)] = f"-> {os.readlink(path)}"  # noqa: PTH115
        elif path.is_file():
            known = path.stat()
            found[str(path)] = _digest(path, known.st_ino, known.st_size, known.st_mtime_ns, known.st_ctime_ns)
        else:
            found[str(path)] = "folder"
    return found


@contextmanager
def running(code: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process that runs `code`, ended at the end."""
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
