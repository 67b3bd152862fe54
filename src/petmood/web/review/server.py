"""Runs the review page on this machine's loopback address until it is interrupted."""

from __future__ import annotations

import socket
import webbrowser
from collections.abc import Callable
from typing import Final

from petmood.dataset import open_pictures
from petmood.errors import ConfigError, require_extra
from petmood.web.review.store import DecisionStore
from petmood.web.server import bind

HOST: Final = "127.0.0.1"
PORT: Final = 8427
"""The port unless told otherwise: always the same, so that an open page finds a server that was started again."""


def listening(port: int | None) -> socket.socket:
    """A listening socket on the loopback address: on `port`, or if that is None on the usual one, else any free one.

    Raises:
        ConfigError: the port that was asked for is taken.
    """
    try:
        return bind(HOST, PORT if port is None else port)
    except ConfigError:
        if port is not None:
            raise
        return bind(HOST, 0)


def serve(
    store: DecisionStore, *, blind: bool, port: int | None, browser: bool, announce: Callable[[str], None]
) -> None:
    """Serve the page until the process is interrupted.

    Args:
        store: decisions of one reader.
        blind: hide given labels from the reader.
        port: see `listening`.
        browser: open the page in the user's browser.
        announce: told the page's address once it can be opened.

    Raises:
        MissingExtraError: the extra `web` is not installed.
        PetmoodError: the port is taken, or the data cannot be opened.
    """
    require_extra("The review page", "web", "fastapi", "uvicorn")
    from petmood.web.connections import run
    from petmood.web.logs import to_stderr
    from petmood.web.review.app import create_app

    with listening(port) as listener, open_pictures(store.review.data, store.review.options) as source:
        address = f"http://{HOST}:{listener.getsockname()[1]}/"
        announce(address)
        if browser:
            webbrowser.open(address)
        to_stderr()
        run(create_app(store, source, blind=blind), listener)
