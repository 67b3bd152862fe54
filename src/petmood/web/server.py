"""Runs an application with uvicorn: a free port is told, a signal lets running requests end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petmood.errors import ConfigError
from petmood.web.settings import ServerSettings

if TYPE_CHECKING:
    import socket

    from petmood.bundle import Bundle
    from petmood.detection import Detector


def bind(host: str, port: int) -> socket.socket:
    """A listening socket, bound before the first inference of a model so that a taken port is told at once.

    Raises:
        ConfigError: the address is not this machine's, or the port is taken.
    """
    import socket as sockets

    family = sockets.AF_INET6 if ":" in host else sockets.AF_INET
    # the protocol is named, since asyncio sends small answers without delay only on sockets that say that they are TCP
    listener = sockets.socket(family, sockets.SOCK_STREAM, sockets.IPPROTO_TCP)
    listener.setsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        # who connects before the model is warm waits for it
        listener.listen()
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"cannot listen on {host} port {port}: {error.strerror}. Choose another with --port."
        ) from error
    return listener


def serve(bundle: Bundle, settings: ServerSettings, listener: socket.socket, detector: Detector | None = None) -> None:
    """Serve until a signal; requests under way are answered first, as far as there is time."""
    from petmood.web.app import create_app
    from petmood.web.connections import run
    from petmood.web.logs import to_stderr

    to_stderr()
    run(create_app(bundle, settings, detector), listener, settings.trusted_proxies)
