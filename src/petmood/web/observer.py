"""Sees every request go by: counts it, times it, logs it; as plain ASGI, which costs next to nothing."""

from __future__ import annotations

import time
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from petmood.web.logs import LOGGER

_SECONDS = (0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Metrics:
    """The counters of one application, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "petmood_requests", "Requests by path and status.", ("path", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "petmood_request_seconds", "Seconds a request took.", ("path",), buckets=_SECONDS, registry=self.registry
        )
        self.pictures = Counter("petmood_pictures", "Pictures read, by verdict.", ("verdict",), registry=self.registry)
        self.pending = Gauge("petmood_pending_pictures", "Pictures not answered yet.", registry=self.registry)
        self.batches = Gauge("petmood_batches", "Inferences run.", registry=self.registry)

    def text(self) -> bytes:
        """All of them in Prometheus' text format."""
        return generate_latest(self.registry)


_GONE: Final = 499
"""What is noted where the client hung up before there was an answer; nginx uses the same number."""


class Observer:
    """Wraps an ASGI application; never changes what passes."""

    def __init__(self, app: Any, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start = time.perf_counter()
        status, gone = 500, False

        async def heard() -> dict[str, Any]:
            nonlocal gone
            message = dict(await receive())
            gone = gone or message["type"] == "http.disconnect"
            return message

        async def watched(message: dict[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, heard, watched)
        finally:
            # nobody read an answer: neither a success nor a fault of the server
            self._note(scope, _GONE if gone and status == 500 else status, time.perf_counter() - start)

    def _note(self, scope: dict[str, Any], status: int, seconds: float) -> None:
        # an unknown path is counted as one, so that a scanner cannot blow up the counters
        path = getattr(scope.get("route"), "path", "other")
        self.metrics.requests.labels(path, str(status)).inc()
        self.metrics.seconds.labels(path).observe(seconds)
        facts = {"method": scope["method"], "path": path, "status": status, "ms": round(seconds * 1000, 2)}
        LOGGER.info("request", extra={"facts": facts})
