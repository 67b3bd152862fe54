"""A bundle and settings -> the application: predict, explain, health, metrics, and the page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import numpy as np
from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from petmood.bundle import Answer, Bundle, Outputs, Prediction, Prepared, Unreadable
from petmood.detection import Detector
from petmood.errors import ConfigError, ImageError
from petmood.explain import Explanations, Maps
from petmood.version import __version__
from petmood.web.batching import Batcher
from petmood.web.explaining import Detections, Explainer, Found, Wanted
from petmood.web.guard import Guard
from petmood.web.logs import LOGGER
from petmood.web.observer import Metrics, Observer
from petmood.web.page import add_page
from petmood.web.problems import ProblemBody, Refusal
from petmood.web.settings import ServerSettings
from petmood.web.uploads import REQUEST_BODY, Upload, read_uploads

Coverage = Annotated[
    float | None,
    Query(gt=0, lt=1, description="How often prediction sets are to hold the label; the bundle's if absent."),
]
WhichMaps = Annotated[
    Maps,
    Query(
        description="cam: the class activation map, null where the model has none; occlusion: the probability lost "
        "when a part is covered, which takes 49 inferences; auto: cam, or occlusion where there is none."
    ),
]
WithBackground = Annotated[bool, Query(description="Whether to test how much the answer leans on the background.")]
Faces = Annotated[
    bool,
    Query(
        description="Whether each animal that the server's detector finds is answered by itself, with its `box`; a "
        "picture without one is read as a whole."
    ),
]
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {"model": ProblemBody, "description": text}
    for code, text in {
        400: "No image, or a form that cannot be read",
        401: "A token is needed",
        408: "The request took too long to arrive",
        413: "The request is too large",
        415: "A kind of body that is not taken",
        422: "No image could be read, or a parameter is wrong",
        421: "The server does not go by this name",
        429: "Too many requests, or wrong tokens",
        503: "The server is busy or not ready",
    }.items()
}


T = TypeVar("T")
_TAKEN = "multipart/form-data, image/*"


def create_app(bundle: Bundle, settings: ServerSettings | None = None, detector: Detector | None = None) -> FastAPI:
    """The application that serves one bundle.

    Args:
        bundle: the model.
        settings: limits; the defaults if None.
        detector: what finds the animals in pictures, for who asks for one answer each.
    """
    settings = settings or ServerSettings()
    metrics = Metrics()
    batcher = Batcher(bundle, decoders=settings.decoders, queue=settings.queue, detector=detector)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # the first inference allocates; nobody should wait for it
        bundle.infer(np.zeros((1, bundle.size, bundle.size, 3), dtype=np.uint8))
        app.state.ready = True
        yield
        app.state.ready = False
        await batcher.stop()

    app = FastAPI(
        title="petmood",
        version=__version__,
        description="Reads the mood of pets from pictures of their faces. Nothing uploaded is kept.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.ready = False
    app.state.metrics = metrics
    app.state.batcher = batcher
    _add_errors(app)
    _add_api(app, bundle, settings, batcher, metrics)
    _add_operations(app, batcher, metrics)
    add_page(app, bundle, settings, detector)
    app.add_middleware(Guard, settings=settings)
    if settings.cors_origins:
        # outside the guard, so that pages of other sites can read refusals too
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors_origins),
            allow_methods=["GET", "HEAD", "POST"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["Retry-After"],
        )
    app.add_middleware(Observer, metrics=metrics)
    return app


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(Refusal)
    async def refused(request: Request, refusal: Refusal) -> Response:
        return Response(refusal.body, refusal.status, refusal.headers, "application/json")

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        got = str(first.get("input"))[:80]
        return await refused(request, Refusal(422, f"{where}: {first['msg']}", got, "See /openapi.json."))

    @app.exception_handler(HTTPException)
    async def failed(request: Request, error: HTTPException) -> Response:
        refusal = Refusal(
            error.status_code, str(error.detail), f"{request.method} {request.url.path}", "See /openapi.json."
        )
        refusal.headers.update(error.headers or {})
        return await refused(request, refusal)

    @app.exception_handler(MemoryError)
    @app.exception_handler(OSError)
    async def unable(request: Request, error: OSError | MemoryError) -> Response:
        LOGGER.error("cannot work", extra={"facts": {"error": str(error)}})
        said = getattr(error, "strerror", None) or type(error).__name__
        return await refused(
            request, Refusal(503, "the server cannot do its work now", said, "Try again later.", retry_after=5)
        )

    @app.exception_handler(Exception)
    async def fault(request: Request, error: Exception) -> Response:
        return await refused(request, Refusal(500, "a fault of the server", type(error).__name__, "See its log."))


def _add_api(app: FastAPI, bundle: Bundle, settings: ServerSettings, batcher: Batcher, metrics: Metrics) -> None:
    explainer = Explainer(batcher, settings.explain_queue)

    async def read(request: Request, coverage: float | None, faces: bool) -> tuple[list[_Read], list[Unreadable]]:
        uploads = await read_uploads(request, settings.max_images)
        try:
            return await _read_all(bundle, batcher, uploads, settings.max_pixels, coverage, faces)
        except ConfigError as error:
            known = ", ".join(f"{c:g}" for c in bundle.coverages) or "none"
            raise Refusal(422, str(error), f"coverage={coverage}", f"Coverages of this model: {known}.") from error

    extra = {"requestBody": REQUEST_BODY}

    @app.api_route("/v1/predict", methods=["HEAD", "OPTIONS"], include_in_schema=False)
    @app.api_route("/v1/explain", methods=["HEAD", "OPTIONS"], include_in_schema=False)
    @app.api_route("/v1/detect", methods=["HEAD", "OPTIONS"], include_in_schema=False)
    async def allowed() -> Response:
        """What may be asked here, to whoever looks before sending."""
        return Response(status_code=204, headers={"Allow": "HEAD, OPTIONS, POST", "Accept-Post": _TAKEN})

    @app.post("/v1/predict", responses=_PROBLEMS, openapi_extra=extra)
    async def predict(request: Request, coverage: Coverage = None, faces: Faces = False) -> Answer:
        """Read one or many pictures."""
        found, errors = await read(request, coverage, faces)
        for item in found:
            metrics.pictures.labels(item.prediction.verdict).inc()
        return Answer(model=bundle.name, predictions=tuple(item.prediction for item in found), errors=tuple(errors))

    @app.post("/v1/explain", responses=_PROBLEMS, openapi_extra=extra)
    async def explain_pictures(
        request: Request,
        coverage: Coverage = None,
        maps: WhichMaps = "auto",
        background: WithBackground = True,
        faces: Faces = False,
    ) -> Explanations:
        """Read pictures and tell where the evidence lies; at most 53 inferences a picture."""
        found, errors = await read(request, coverage, faces)
        explained = await explainer.explain(
            [(item.prepared, item.outputs) for item in found],
            Wanted(maps, background, coverage),
            request.is_disconnected,
        )
        return Explanations(model=bundle.name, explanations=tuple(explained), errors=tuple(errors))

    @app.post("/v1/detect", responses=_PROBLEMS, openapi_extra=extra)
    async def detect(request: Request) -> Detections:
        """Find the animals in pictures with the server's detector, the surest first; nothing is read of them."""
        batcher.needs_detector()
        uploads = await read_uploads(request, settings.max_images)

        async def one(upload: Upload) -> Found | Unreadable:
            try:
                (width, height), boxes = await batcher.find(upload.data, settings.max_pixels)
            except ImageError as error:
                return Unreadable(source=upload.name, error=str(error))
            return Found(source=upload.name, width=width, height=height, boxes=boxes)

        results = await asyncio.gather(*(one(upload) for upload in uploads))
        pictures, errors = _told_apart(results)
        return Detections(pictures=tuple(pictures), errors=tuple(errors))


@dataclass(frozen=True)
class _Read:
    prepared: Prepared
    outputs: Outputs
    prediction: Prediction


async def _read_all(
    bundle: Bundle, batcher: Batcher, uploads: list[Upload], max_pixels: int, coverage: float | None, faces: bool
) -> tuple[list[_Read], list[Unreadable]]:
    async def one(upload: Upload) -> list[_Read] | Unreadable:
        try:
            if faces:
                found = await batcher.read_animals(upload.data, upload.name, max_pixels)
            else:
                found = [await batcher.read(upload.data, upload.name, max_pixels)]
        except ImageError as error:
            return Unreadable(source=upload.name, error=str(error))
        return [_Read(item, outputs, bundle.judge([item], outputs, coverage=coverage)[0]) for item, outputs in found]

    if coverage is not None:
        bundle.judge([], _no_outputs(bundle), coverage=coverage)  # a wrong coverage is told before work is done
    results = await asyncio.gather(*(one(upload) for upload in uploads))
    read, errors = _told_apart(results)
    return [item for items in read for item in items], errors


def _told_apart(results: Sequence[T | Unreadable]) -> tuple[list[T], list[Unreadable]]:
    """What was read, and what could not be.

    Raises:
        Refusal: nothing was read.
    """
    errors = [r for r in results if isinstance(r, Unreadable)]
    found = [r for r in results if not isinstance(r, Unreadable)]
    if not found:
        raise Refusal(
            422, "no image could be read", errors[0].error, "Send a JPEG, PNG, WebP, GIF, BMP or TIFF picture."
        )
    return found, errors


def _no_outputs(bundle: Bundle) -> Outputs:
    none = np.zeros((0, len(bundle.classes)), dtype=np.float32)
    dim = bundle.training_photos.features.shape[1] if bundle.training_photos is not None else 0
    return Outputs(none, none, np.zeros((0, dim), dtype=np.float32), None, np.zeros((0, 1000), dtype=np.float32))


def _add_operations(app: FastAPI, batcher: Batcher, metrics: Metrics) -> None:
    @app.head("/healthz", include_in_schema=False)
    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The process is alive."""
        return {"status": "ok"}

    @app.head("/readyz", include_in_schema=False)
    @app.get("/readyz", responses={503: _PROBLEMS[503]})
    async def readyz() -> dict[str, str]:
        """The model is loaded and warm."""
        if not app.state.ready:
            raise Refusal(503, "the model is not ready", "a request at start or shutdown", "Try again in a moment.")
        return {"status": "ready"}

    @app.head("/metrics", include_in_schema=False)
    @app.get("/metrics", response_class=Response)
    async def show_metrics() -> Response:
        """Counters in Prometheus' text format."""
        metrics.pending.set(batcher.pending)
        metrics.batches.set(batcher.batches)
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
