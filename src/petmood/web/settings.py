"""What a server is allowed to do: frozen limits, with defaults that are safe on a laptop."""

from __future__ import annotations

from ipaddress import ip_network

from pydantic import Field, field_validator

from petmood.config import Settings


class ServerSettings(Settings):
    """Limits of one server.

    Attributes:
        host: address to listen on; loopback by default, so that nobody else can reach the server.
        port: TCP port; 0 lets the system choose.
        allowed_hosts: names under which the server may be asked, besides its addresses and `localhost`.
        trusted_proxies: addresses or networks whose X-Forwarded-For is believed.
        token: if given, every request for a prediction, the metrics and the description must carry it as a bearer
            token.
        cors_origins: origins of other sites whose pages may use this server ("https://example.org"), or "*" for all.
        max_body_mb: size of a request's body in MiB.
        max_inflight_mb: size in MiB of all bodies together that have arrived, in part or whole, and are not answered.
        max_pixels: of one picture, checked before it is decoded.
        max_images: pictures in one request.
        requests_per_minute: from one address; 0 sets no limit.
        wrong_tokens_per_minute: from one address.
        decoders: threads that decode large pictures.
        read_timeout: seconds that a client may take to send its request.
        queue: pictures that may wait; more are turned away with 503, so that a flood cannot fill the memory.
        explain_queue: pictures that may wait to be explained; the same holds of more.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    allowed_hosts: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    token: str | None = Field(default=None, min_length=8, repr=False)
    cors_origins: tuple[str, ...] = ()
    max_body_mb: int = Field(default=32, ge=1, le=2048)
    max_inflight_mb: int = Field(default=256, ge=1, le=65536)
    max_pixels: int = Field(default=50_000_000, ge=1024, le=100_000_000)
    max_images: int = Field(default=64, ge=1, le=1024)
    requests_per_minute: int = Field(default=600, ge=0)
    wrong_tokens_per_minute: int = Field(default=10, ge=1)
    decoders: int = Field(default=2, ge=1, le=64)
    read_timeout: float = Field(default=30.0, gt=0, le=600)
    queue: int = Field(default=512, ge=1, le=100_000)
    explain_queue: int = Field(default=128, ge=1, le=100_000)

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            ip_network(text, strict=False)
        return value
