"""Ctrl-C -> one line and exit code 130, at any instant from the first import on; so nothing is imported here."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # what `signal` wraps, without the enumerations that take it longer
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType, TracebackType
    from typing import Any

EXIT = 130
SAID = "interrupted. Finished work is kept: run the same command again to go on."


def leave(number: int = 0, frame: FrameType | None = None) -> None:
    """End the process now. Outputs are whole at every instant, so there is nothing that has to be waited for."""
    try:
        os.write(2, f"petmood: {SAID}\n".encode())
    finally:
        os._exit(EXIT)


def install() -> None:
    """Answer Ctrl-C from now on, while modules are imported; where it is ignored, as in a shell's background, it stays.

    An exception would not do here: what is being imported may turn it into another one, or show it and go on.
    """
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, leave)


class Interruptible:
    """A block in which Ctrl-C raises KeyboardInterrupt, once: what works may clear up; a second one ends it at once.

    `asked` tells whether it was pressed: whatever ends the block after that is its doing.
    """

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> Interruptible:
        """Begin; where Ctrl-C is ignored, or cannot come since this is no main thread, nothing changes."""
        self._before, self._unseen = _signal.getsignal(_signal.SIGINT), sys.unraisablehook
        if callable(self._before):
            try:
                _signal.signal(_signal.SIGINT, self._stop)
                sys.unraisablehook = self._look
            except ValueError:
                self._before = None
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        if callable(self._before):
            sys.unraisablehook = self._unseen
            _signal.signal(_signal.SIGINT, self._before)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        _signal.signal(_signal.SIGINT, leave)
        raise KeyboardInterrupt

    def _look(self, unseen: Any) -> None:
        if self.asked:  # raised where nobody can catch it, as in a destructor
            leave()
        self._unseen(unseen)
