"""The page at `/` and its few static files, all from this package: no other host is ever asked."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, PackageLoader, select_autoescape
from starlette.requests import Request  # FastAPI reads it from the signature, so it must be there at run time
from starlette.responses import HTMLResponse, Response

from petmood.version import __version__
from petmood.web.settings import ServerSettings

if TYPE_CHECKING:
    from fastapi import FastAPI

    from petmood.bundle import Bundle

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
    "app.css": "text/css",
    "petmood.css": "text/css",
    "icon.svg": "image/svg+xml",
}


def add_page(app: FastAPI, bundle: Bundle, settings: ServerSettings) -> None:
    """Add the page and its files to an application."""
    contents = {name: _static(name) for name in _KINDS}
    tag = hashlib.sha256(b"".join(contents.values())).hexdigest()[:12]
    html = _render(bundle, settings, tag)

    @app.get("/", include_in_schema=False)
    async def page() -> HTMLResponse:
        return HTMLResponse(html, headers={**_HEADERS, "Cache-Control": "no-cache"})

    @app.get("/static/{name}", include_in_schema=False)
    async def static(request: Request, name: str) -> Response:
        from petmood.web.problems import Refusal

        if name not in contents:
            raise Refusal(404, "there is no such file", name[:80], "Go to /.")
        # the page names files with their digest, so that they may be kept for ever
        kept = "public, max-age=31536000, immutable" if request.query_params.get("v") == tag else "no-cache"
        return Response(contents[name], media_type=_KINDS[name], headers={**_HEADERS, "Cache-Control": kept})


def _static(name: str) -> bytes:
    if name == "petmood.css":  # the look that the report and this page share
        return files("petmood.report").joinpath("templates", name).read_bytes()
    return files("petmood.web").joinpath("static", name).read_bytes()


def _render(bundle: Bundle, settings: ServerSettings, tag: str) -> str:
    environment = Environment(
        loader=PackageLoader("petmood.web", "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    own = [entry for entry in bundle.description.evaluation if not entry.name.startswith("majority")]
    evaluation = sorted(own, key=lambda entry: entry.n)
    return environment.get_template("page.html.j2").render(
        model=bundle.name,
        classes=bundle.classes,
        best=evaluation[-1] if evaluation else None,
        coverage=bundle.description.conformal.default if bundle.description.conformal else None,
        max_mb=settings.max_body_mb,
        asks_token=settings.token is not None,
        version=__version__,
        tag=tag,
    )
