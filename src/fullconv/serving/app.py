"""The addresses of the server: the page, /predict, /models, /metrics, and the Open Inference Protocol."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from fullconv import __version__
from fullconv.serving import descriptions, protocol
from fullconv.serving.guard import Guard, Rules, response
from fullconv.serving.label_studio import add_routes
from fullconv.serving.messages import Task
from fullconv.serving.one_host import OneHost
from fullconv.serving.page_files import TYPES, files_of
from fullconv.serving.refusal import Refusal
from fullconv.serving.service import Service


class Output(StrEnum):
    """What `/predict` gives."""

    labels = "labels"
    overlay = "overlay"
    masks = "masks"
    cutout = "cutout"
    confidence = "confidence"
    polygons = "polygons"
    coco = "coco"
    json = "json"


def make_app(service: Service, rules: Rules, label_studio: OneHost | None = None) -> ASGIApp:
    """All of it, guarded; with the addresses that Label Studio asks where its host is given."""
    app = FastAPI(title="fullconv", version=__version__, description=descriptions.SERVER, docs_url=None, redoc_url=None)
    add_page(app)
    add_predict(app, service)
    add_models(app, service)
    protocol.add_routes(app, service)
    if label_studio:
        add_routes(app, service, label_studio)
    add_refusals(app, service)
    guarded: ASGIApp = Guard(app, rules)
    if rules.origins:
        told = ["Retry-After", "X-Model"]
        guarded = CORSMiddleware(
            guarded, rules.origins, allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"], expose_headers=told,
        )  # fmt: skip
    return guarded


def add_page(app: FastAPI) -> None:
    for name, path in files_of("server").items():
        address = "/" if name == "index.html" else f"/{name}"
        app.get(address, include_in_schema=False)(_sender(path))


def _sender(path: Path) -> Any:
    async def send() -> FileResponse:
        return FileResponse(path, media_type=TYPES[path.suffix])

    return send


def add_predict(app: FastAPI, service: Service) -> None:
    @app.post("/predict", openapi_extra=descriptions.PICTURE, responses=descriptions.ANSWERS, response_class=Response)
    async def predict(
        request: Request,
        save: Annotated[Output, Query(description="Output to return")] = Output.labels,
        model: Annotated[str | None, Query(description="A name from /models; the first one by default")] = None,
        classes: Annotated[
            str | None, Query(description="Only these classes (separated by commas) and background")
        ] = None,
    ) -> Response:
        """Segment one picture. The answer has the picture's own size."""
        chosen = service.model(model)
        asked = service.classes(chosen, classes)

        async def read(request: Request, deadline: float) -> Task:
            return Task(chosen, await service.bodies.picture(request, deadline), save, classes=asked)

        answer = await service.see(request, read)
        return Response(answer.body, media_type=answer.media_type, headers={"X-Model": chosen})


def add_models(app: FastAPI, service: Service) -> None:
    @app.get("/models", responses=descriptions.REFUSED)
    async def models() -> list[dict[str, Any]]:
        """The models, with their classes and colours."""
        return list(service.workers.models.values())

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4")


def add_refusals(app: FastAPI, service: Service) -> None:
    """Whatever goes wrong is JSON that says what to do."""

    def refuse(refusal: Refusal) -> JSONResponse:
        service.metrics.refusals.labels(refusal.reason).inc()
        return response(refusal)

    @app.exception_handler(Refusal)
    async def refused(_: Request, refusal: Refusal) -> JSONResponse:
        return refuse(refusal)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        told = "; ".join(f"{one['loc'][-1]}: {one['msg']}" for one in error.errors())
        return refuse(Refusal(422, "question", told))

    @app.exception_handler(HTTPException)
    async def unknown(_: Request, error: HTTPException) -> JSONResponse:
        told = {404: "no such address; see /openapi.json for the list"}.get(error.status_code, error.detail)
        answer = refuse(Refusal(error.status_code, "address", told))
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(Exception)
    async def failed(_: Request, error: Exception) -> JSONResponse:
        return refuse(Refusal(500, "fault", "the server failed on this request; see its log"))
