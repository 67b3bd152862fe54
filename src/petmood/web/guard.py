"""What stands before the application: body size, time to send, rate, token; plain ASGI, so nothing is read twice."""

from __future__ import annotations

import asyncio
import hmac
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

from petmood.web.problems import Refusal
from petmood.web.settings import ServerSettings

Scope = dict[str, Any]
Message = dict[str, Any]
_ADDRESSES: Final = 10_000  # how many clients' rates are remembered


class RateLimit:
    """A token bucket for each address: bursts up to a minute's worth, then a steady rate."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str) -> float:
        """Take one request's worth; 0 if it was there, else the seconds until it will be."""
        if self.per_minute == 0:
            return 0.0
        now = self._clock()
        left, before = self._buckets.pop(address, (float(self.per_minute), now))
        left = min(float(self.per_minute), left + (now - before) * self.per_minute / 60)
        granted = left >= 1
        self._buckets[address] = (left - 1 if granted else left, now)
        if len(self._buckets) > _ADDRESSES:
            self._buckets.popitem(last=False)
        return 0.0 if granted else (1 - left) * 60 / self.per_minute


class Guard:
    """Wraps an ASGI application and refuses what its settings do not allow, before a body is read."""

    def __init__(self, app: Any, settings: ServerSettings) -> None:
        self.app = app
        self.settings = settings
        self.rate = RateLimit(settings.requests_per_minute)

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Handle one connection."""
        if scope["type"] != "http" or not scope["path"].startswith("/v1/"):
            await self.app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            self._check(scope)
            await self.app(scope, self._limited(receive), watched)
        except Refusal as refusal:
            if not started:
                await send_refusal(refusal, send)

    def _check(self, scope: Scope) -> None:
        headers = {name.lower(): value for name, value in scope["headers"]}
        token = self.settings.token
        if token is not None and not hmac.compare_digest(
            headers.get(b"authorization", b""), f"Bearer {token}".encode()
        ):
            raise Refusal(
                401,
                "this server asks for a token",
                "a wrong token" if b"authorization" in headers else "no Authorization header",
                "Send the header 'Authorization: Bearer TOKEN'.",
            )
        wait = self.rate.take((scope.get("client") or ("unknown", 0))[0])
        if wait:
            raise Refusal(
                429,
                "too many requests",
                f"more than {self.settings.requests_per_minute} a minute from one address",
                f"Wait {math.ceil(wait)} s, or send several images in one request.",
                retry_after=math.ceil(wait),
            )
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self._max_bytes:
            raise self._too_large(int(length))

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

    def _limited(self, receive: Any) -> Any:
        seen = 0
        deadline = asyncio.get_running_loop().time() + self.settings.read_timeout
        more = True

        async def counted() -> Message:
            nonlocal seen, more
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
                seen += len(message.get("body", b""))
                more = message.get("more_body", False)
                if seen > self._max_bytes:
                    raise self._too_large(seen)
            return message

        return counted


async def send_refusal(refusal: Refusal, send: Any) -> None:
    """Answer with a problem, and close the connection: what the client still sends is not wanted."""
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(refusal.body)).encode())]
    headers.append((b"connection", b"close"))
    headers += [(name.lower().encode(), value.encode()) for name, value in refusal.headers.items()]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": refusal.body})
