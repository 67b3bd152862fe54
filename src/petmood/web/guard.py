"""What stands before the application: host, token, rate, size, time to send; plain ASGI, so nothing is read twice."""

from __future__ import annotations

import asyncio
import hmac
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import ClientDisconnect

from petmood.web.connections import host_name, is_address, is_loopback
from petmood.web.problems import Refusal
from petmood.web.settings import ServerSettings

Scope = dict[str, Any]
Message = dict[str, Any]
_ADDRESSES: Final = 10_000  # how many clients' rates are remembered


_TOLD: Final = frozenset({"/metrics", "/openapi.json"})
"""Paths that tell how the server is used; for those who have the token."""


@dataclass
class _Body:
    held: int = 0


class RateLimit:
    """A token bucket for each address: bursts up to a minute's worth, then a steady rate."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str, cost: int = 1) -> float:
        """Take one request's worth; 0 if it was there, else the seconds until it will be. `cost=0` only looks."""
        if self.per_minute == 0:
            return 0.0
        now = self._clock()
        left, before = self._buckets.pop(address, (float(self.per_minute), now))
        left = min(float(self.per_minute), left + (now - before) * self.per_minute / 60)
        granted = left >= 1
        self._buckets[address] = (left - cost if granted else left, now)
        if len(self._buckets) > _ADDRESSES:
            self._buckets.popitem(last=False)
        return 0.0 if granted else (1 - left) * 60 / self.per_minute


class Guard:
    """Wraps an ASGI application and refuses what its settings do not allow, before a body is read."""

    def __init__(self, app: Any, settings: ServerSettings) -> None:
        self.app = app
        self.settings = settings
        self.rate = RateLimit(settings.requests_per_minute)
        self.wrong_tokens = RateLimit(settings.wrong_tokens_per_minute)
        self._inflight = 0

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        body = _Body()
        try:
            self._check(scope)
            await self.app(scope, self._limited(receive, body), watched)
        except Refusal as refusal:
            if not started:
                await send_refusal(refusal, send)
        except ClientDisconnect:
            pass  # nobody is there to be answered
        except asyncio.CancelledError:
            # the server stops and has given this request the time it gives
            if not started:
                await send_refusal(
                    Refusal(503, "the server stops", "a request that took longer", "Ask another.", retry_after=5), send
                )
        finally:
            self._inflight -= body.held

    def _check(self, scope: Scope) -> None:
        headers = {name.lower(): value for name, value in scope["headers"]}
        self._check_host(headers.get(b"host", b"").decode("latin-1"))
        address = (scope.get("client") or ("unknown", 0))[0]
        path = scope["path"]
        if path.startswith("/v1/") or path in _TOLD:
            self._check_token(headers, address)
        if path.startswith("/v1/") and (wait := self.rate.take(address)):
            raise Refusal(
                429,
                "too many requests",
                f"more than {self.settings.requests_per_minute} a minute from one address",
                f"Wait {math.ceil(wait)} s, or send several images in one request.",
                retry_after=math.ceil(wait),
            )
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length[:20]) > self._max_bytes:
            raise self._too_large(int(length[:20]))

    def _check_host(self, header: str) -> None:
        """Refuse a name that is not this server's: another site can point its own name here, and so pass for us."""
        host = host_name(header)
        own = self.settings.host
        if host is not None and (
            is_loopback(host)
            or host == own.lower()
            or host in self.settings.allowed_hosts
            or (is_address(host) and not is_loopback(own))
        ):
            return
        raise Refusal(
            421,
            "this server does not go by that name",
            f"Host: {header[:80] or 'none'}",
            "Ask it by its address, or start it with --allow-host NAME.",
        )

    def _check_token(self, headers: dict[bytes, bytes], address: str) -> None:
        token = self.settings.token
        if token is None:
            return
        given = headers.get(b"authorization")
        wait = self.wrong_tokens.take(address, cost=0)
        # looked at first, so that who has guessed too often is not told which guess is right
        if given is not None and wait:
            raise Refusal(
                429,
                "too many wrong tokens",
                f"more than {self.settings.wrong_tokens_per_minute} a minute from one address",
                f"Wait {math.ceil(wait)} s.",
                retry_after=math.ceil(wait),
            )
        if not hmac.compare_digest(given or b"", f"Bearer {token}".encode()):
            if given is not None:
                self.wrong_tokens.take(address)
            raise Refusal(
                401,
                "this server asks for a token",
                "no Authorization header" if given is None else "a wrong token",
                "Send the header 'Authorization: Bearer TOKEN'.",
            )

    @property
    def _max_bytes(self) -> int:
        return self.settings.max_body_mb * 2**20

    def _too_large(self, size: int) -> Refusal:
        return Refusal(
            413,
            f"the request is larger than this server's limit of {self.settings.max_body_mb} MiB",
            f"{size / 2**20:.1f} MiB or more",
            "Send fewer or smaller images.",
        )

    def _limited(self, receive: Any, body: _Body) -> Any:
        deadline = asyncio.get_running_loop().time() + self.settings.read_timeout
        more = True

        async def counted() -> Message:
            nonlocal more
            if not more:
                return dict(await receive())
            try:
                async with asyncio.timeout_at(deadline):
                    message = dict(await receive())
            except TimeoutError:
                raise Refusal(
                    408,
                    "the request took too long to arrive",
                    f"no end after {self.settings.read_timeout:g} s",
                    "Send it again over a faster connection, or smaller.",
                ) from None
            if message["type"] == "http.request":
                size = len(message.get("body", b""))
                body.held += size
                self._inflight += size
                more = message.get("more_body", False)
                if body.held > self._max_bytes:
                    raise self._too_large(body.held)
                if self._inflight > max(self.settings.max_inflight_mb * 2**20, self._max_bytes):
                    raise Refusal(
                        503,
                        "the server is busy",
                        f"{self._inflight / 2**20:.0f} MiB of requests under way",
                        "Try again in a moment.",
                        retry_after=1,
                    )
            return message

        return counted


async def send_refusal(refusal: Refusal, send: Any) -> None:
    """Answer with a problem, and close the connection: what the client still sends is not wanted."""
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(refusal.body)).encode())]
    headers.append((b"connection", b"close"))
    headers += [(name.lower().encode(), value.encode()) for name, value in refusal.headers.items()]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": refusal.body})
