"""The page at `/` and its few files, all from this package: no other host is ever asked."""

from __future__ import annotations

import hashlib
import json
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from markupsafe import Markup
from starlette.requests import Request  # FastAPI reads it from the signature, so it must be there at run time
from starlette.responses import HTMLResponse, Response

from petmood.images import CANONICAL
from petmood.page.html import SERVER_PROMISE, detector_promise, page_facts, page_html, style
from petmood.page.modules import module, resource, script
from petmood.web.settings import ServerSettings

if TYPE_CHECKING:
    from fastapi import FastAPI

    from petmood.bundle import Bundle
    from petmood.detection import Detector

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "media-src 'self' blob:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
}
_KINDS: Final = {
    "app.js": "text/javascript",
    "api.js": "text/javascript",
    "page.css": "text/css",
    "icon.svg": "image/svg+xml",
    "petmood.js": "text/javascript",
    "petmood.d.ts": "text/plain",
}
_READING: Final = ["GET", "HEAD"]


def add_page(app: FastAPI, bundle: Bundle, settings: ServerSettings, detector: Detector | None = None) -> None:
    """Add the page and its files to an application."""
    contents = {
        "app.js": script("app").encode(),
        "api.js": script("api").encode(),
        "page.css": style().encode(),
        "icon.svg": files("petmood.page").joinpath("icon.svg").read_bytes(),
        "petmood.js": module("petmood").encode(),
        "petmood.d.ts": resource("petmood.d.ts").encode(),
    }
    tag = hashlib.sha256(b"".join(contents.values())).hexdigest()[:12]
    host = {"kind": "server", "max_mb": settings.max_body_mb, "tag": tag}
    if detector is not None:
        host["detector"] = {
            "size": detector.size,
            "fit": detector.reading.fit,
            "kept": 2 * max(detector.size, CANONICAL),
        }
    facts = page_facts(bundle.description, bundle.name, host)
    html = page_html(
        facts,
        head=[
            Markup(f'<link rel="icon" href="static/icon.svg?v={tag}" type="image/svg+xml">'),
            Markup(f'<link rel="stylesheet" href="static/page.css?v={tag}">'),
            Markup(f'<script src="static/app.js?v={tag}" defer></script>'),
        ],
        foot=[],
        promise=SERVER_PROMISE if detector is None else detector_promise(detector.size),
        asks_token=settings.token is not None,
        api=True,
    )

    @app.api_route("/", methods=_READING, include_in_schema=False)
    async def page() -> HTMLResponse:
        return HTMLResponse(html, headers={**_HEADERS, "Cache-Control": "no-cache"})

    @app.api_route("/api", methods=_READING, include_in_schema=False)
    async def api() -> HTMLResponse:
        return HTMLResponse(resource("api.html"), headers={**_HEADERS, "Cache-Control": "no-cache"})

    @app.api_route("/facts.json", methods=_READING, include_in_schema=False)
    async def page_facts_json() -> Response:
        return Response(json.dumps(facts), media_type="application/json", headers={"Cache-Control": "no-cache"})

    @app.api_route("/static/{name}", methods=_READING, include_in_schema=False)
    async def static(request: Request, name: str) -> Response:
        from petmood.web.problems import Refusal

        if name not in contents:
            raise Refusal(404, "there is no such file", name[:80], "Go to /.")
        # the page names files with their digest, so that they may be kept for ever
        kept = "public, max-age=31536000, immutable" if request.query_params.get("v") == tag else "no-cache"
        return Response(contents[name], media_type=_KINDS[name], headers={**_HEADERS, "Cache-Control": kept})
