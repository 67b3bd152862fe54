"""What a server did, for Prometheus: requests, pictures, seconds, batches; never a word about what was in a picture."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

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
