"""A review and its store -> the application behind the page; for this machine alone, one reader a server."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from jinja2 import Environment, PackageLoader, select_autoescape
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from petmood import images
from petmood.cache import open_cache
from petmood.errors import ImageError, PetmoodError
from petmood.escaping import one_line
from petmood.labels import Action
from petmood.sources import Source
from petmood.version import __version__
from petmood.web.connections import host_name, is_loopback
from petmood.web.review.state import consensus, map_of, page_state, summary
from petmood.web.review.store import DecisionStore, UnsavedError

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_KINDS: Final = {
    "review.js": "text/javascript",
    "browse.js": "text/javascript",
    "review.css": "text/css",
    "petmood.css": "text/css",
}
_LONGEST_BODY: Final = 64 * 1024
_SIZES: Final = {"photo": 1024, "small": 240}


class Decided(BaseModel):
    """What the page sends when a key was pressed: a photo's id, what to do, and when it was pressed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    photo: str
    action: Action
    label: str = ""
    time: str = ""


def create_app(store: DecisionStore, source: Source, *, blind: bool = False) -> FastAPI:
    """The application.

    Args:
        store: decisions of one reader.
        source: the run's data, open.
        blind: hide given labels, and all that would tell them.
    """
    app = FastAPI(title="petmood review", docs_url=None, redoc_url=None, openapi_url=None)
    pictures = _Pictures(store, source)
    static = {name: _static(name) for name in _KINDS}
    html = _page(store, blind, hashlib.sha256(b"".join(static.values())).hexdigest()[:12])

    @app.middleware("http")
    async def only_from_here(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        if not _is_own(request):
            response = _refusal(403, "this page is for its own machine only.")
        elif not _is_small(request):
            response = _refusal(413, f"a request has at most {_LONGEST_BODY} bytes and says how many.")
        else:
            response = await answer(request)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    @app.exception_handler(PetmoodError)
    async def fixable(request: Request, error: PetmoodError) -> Response:
        status = 503 if isinstance(error, UnsavedError) else 404 if isinstance(error, ImageError) else 422
        return _refusal(status, str(error))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        # what was sent is not sent back: it may hold what JSON cannot
        first = error.errors()[0]
        return _refusal(422, f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}.")

    @app.exception_handler(HTTPException)
    async def failed(request: Request, error: HTTPException) -> Response:
        return _refusal(error.status_code, str(error.detail))

    @app.exception_handler(OSError)
    async def unable(request: Request, error: OSError) -> Response:
        return _refusal(503, f"a file cannot be read or written: {error}. Free some space or look at its permissions.")

    @app.get("/")
    def page() -> Response:
        return HTMLResponse(html)

    @app.get("/static/{name}")
    def file(name: str) -> Response:
        if name not in static:
            return _refusal(404, "there is no such file.")
        return Response(static[name], media_type=_KINDS[name])

    @app.get("/api/state")
    def everything() -> dict[str, Any]:
        return {**page_state(store, blind=blind), **summary(store, blind=blind)}

    @app.get("/api/decisions")
    def decisions() -> dict[str, Any]:
        return summary(store, blind=blind)

    @app.post("/api/decisions")
    def decide(decided: Decided) -> dict[str, Any]:
        store.decide(decided.photo, decided.action, decided.label, decided.time)
        return {"saved": True, "version": store.version()}

    @app.get("/api/map")
    def places() -> dict[str, Any]:
        return map_of(store)

    @app.post("/api/consensus")
    def agree() -> Response:
        if blind:
            return _refusal(403, "a blind reader is not told what others said.")
        return JSONResponse(consensus(store))

    @app.get("/{kind}/{photo}.jpg")
    def picture(kind: str, photo: str) -> Response:
        if kind not in _SIZES:
            return _refusal(404, "there is no such page.")
        made = pictures.jpeg(photo, _SIZES[kind])
        # an id covers the picture's bytes, so that what it names never changes
        return Response(made, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=86400, immutable"})

    return app


class _Pictures:
    """JPEGs of the run's photos, decoded by `petmood.images` and kept in the cache."""

    def __init__(self, store: DecisionStore, source: Source) -> None:
        self._photos = store.review.photos
        self._source = source
        self._cache = open_cache()
        self._reading = threading.Lock()

    def jpeg(self, photo: str, size: int) -> bytes:
        if photo not in self._photos:
            raise ImageError("there is no such photo in this run.")
        record = self._photos[photo].record
        namespace = f"preview/v{images.DECODE_VERSION}/{size}"
        kept = self._cache.get(namespace, record.sha256)
        if kept is not None:
            return kept
        with self._reading:  # a big photo takes memory to decode; one at a time is quick enough for one reader
            data = self._source.read(record.path, images.MAX_FILE_BYTES)
            if hashlib.sha256(data).hexdigest() != record.sha256:
                raise ImageError("this photo has changed since the run was made. Run petmood again on the data.")
            made = images.preview(data, size) if size > _SIZES["small"] else images.thumbnail(data, size)
        self._cache.put(namespace, record.sha256, made)
        return made


def _is_own(request: Request) -> bool:
    """Whether a request comes from a page of this server: another site, or a name rebound to us, has other headers."""
    host = request.headers.get("host", "")
    if not is_loopback(host_name(host) or ""):
        return False
    if request.method in ("GET", "HEAD"):
        return True
    origin = request.headers.get("origin")
    return origin == f"http://{host}" and request.headers.get("content-type", "").startswith("application/json")


def _is_small(request: Request) -> bool:
    length = request.headers.get("content-length", "" if "transfer-encoding" in request.headers else "0")
    return length.isdigit() and int(length[:20]) <= _LONGEST_BODY


def _refusal(status: int, message: str) -> Response:
    return JSONResponse({"error": one_line(message)}, status_code=status)


def _static(name: str) -> bytes:
    if name == "petmood.css":  # the look that the report and this page share
        return files("petmood.report").joinpath("templates", name).read_bytes()
    return files("petmood.web.review").joinpath("static", name).read_bytes()


def _page(store: DecisionStore, blind: bool, tag: str) -> str:
    environment = Environment(
        loader=PackageLoader("petmood.web.review"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("review.html.j2").render(
        name=store.review.data.name, reader=store.reader, blind=blind, tag=tag, version=__version__
    )
