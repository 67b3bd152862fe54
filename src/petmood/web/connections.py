"""An application -> a server whose connections are bounded in number, headers and time, and that ends when told."""

from __future__ import annotations

import asyncio
import faulthandler
import os
import re
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from petmood.web.problems import Refusal

if TYPE_CHECKING:
    import socket

HEADER_BYTES: Final = 32 * 1024
FRAMING_BYTES: Final = 2**20
"""Of sizes of chunks and of headers behind a body."""

HEADER_SECONDS: float = 10.0
MAX_CONNECTIONS: Final = 512
KEEP_SECONDS: Final = 30

GRACE_SECONDS: Final = 5
"""How long requests under way may take once the server is told to stop."""

END_SECONDS: Final = 9.0
"""When the process is ended, whatever still works in it: decoders and operators in threads cannot be told to stop."""

_HOST: Final = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::[0-9]{1,5})?")


def host_name(header: str) -> str | None:
    """The name or address in a Host header, in small letters and without the port; None if it is malformed."""
    found = _HOST.fullmatch(header.strip())
    return (found["six"] or found["name"]).lower().rstrip(".") if found else None


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    return host == "localhost" or (is_address(host) and ip_address(host).is_loopback)


def is_address(host: str) -> bool:
    """Whether a host is an address, which no name server can point elsewhere."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


class Connection(HttpToolsProtocol):
    """One connection: headers that are too long, too slow or malformed are answered and let go."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, unless there are too many."""
        self._overhead, self._limit = 0, HEADER_BYTES
        self._deadline: asyncio.TimerHandle | None = None
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
            return
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._stop_clock()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._expect_headers()

    def on_headers_complete(self) -> None:
        """Its headers are there; from now on sizes of chunks, and headers behind the body, are what is counted."""
        self._stop_clock()
        self._overhead, self._limit = 0, FRAMING_BYTES
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of its body, which the application counts."""
        self._overhead -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Its body is there; what follows is another request."""
        super().on_message_complete()
        self._overhead, self._limit = 0, HEADER_BYTES

    def data_received(self, data: bytes) -> None:
        """Take bytes; those that are no body are counted."""
        before = self._limit
        self._overhead += len(data)
        super().data_received(data)
        if self._limit == before and self._overhead > self._limit:
            self._refuse(431, "the headers are too long", f"more than {self._limit // 1024} KiB", "Send less of them.")

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self._refuse(400, "this is no HTTP request", msg, "Send HTTP/1.1; see /openapi.json.")

    def _expect_headers(self) -> None:
        self._stop_clock()
        self._deadline = self.loop.call_later(HEADER_SECONDS, self._late)

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _late(self) -> None:
        got = f"no end of the headers after {HEADER_SECONDS:g} s"
        self._refuse(408, "the request took too long to arrive", got, "Send it again over a faster connection.")

    def _refuse(self, status: int, what: str, got: str, todo: str) -> None:
        self._stop_clock()
        if self.transport.is_closing():
            return
        cycle: Any = self.cycle  # None before the first request, whatever its type says
        # an answer under way would be mixed with this one
        if cycle is None or cycle.response_complete or not cycle.response_started:
            body = Refusal(status, what, got, todo).body
            head = f"HTTP/1.1 {status} Refused\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
            self.transport.write(f"{head}connection: close\r\n\r\n".encode() + body)
        if cycle is not None:
            cycle.disconnected = True  # what the application still says is for nobody
        self.transport.close()


class Server(uvicorn.Server):
    """A server that a signal ends within `END_SECONDS`, with exit code 0, or 1 where work had to be cut off."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take signals as the wish to stop, for as long as the server runs; they are not raised again after it."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        wanted = [signal.SIGINT, signal.SIGTERM]
        before = {sign: signal.signal(sign, self.handle_exit) for sign in wanted}
        try:
            yield
        finally:
            for sign, handler in before.items():
                signal.signal(sign, handler)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Begin to stop."""
        if not self.should_exit:
            # a thread of C that needs no lock of Python's: it ends the process even where that is held
            faulthandler.dump_traceback_later(END_SECONDS, exit=True, file=Path(os.devnull).open("w"))  # noqa: SIM115
        super().handle_exit(sig, frame)


def configured(app: Any, trusted_proxies: Sequence[str] = ()) -> uvicorn.Config:
    """How applications are served.

    Args:
        app: an ASGI application.
        trusted_proxies: addresses or networks whose word for a client's address is believed.
    """
    return uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=KEEP_SECONDS,
    )


def run(app: Any, listener: socket.socket, trusted_proxies: Sequence[str] = ()) -> None:
    """Serve until a signal; requests under way are answered first, as far as there is time."""
    Server(configured(app, trusted_proxies)).run(sockets=[listener])
