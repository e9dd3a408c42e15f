"""The endpoints of the server: the page, /predict, /models, /metrics, and the Open Inference Protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.types import ASGIApp

from fullconv.serving import descriptions, protocol
from fullconv.serving.address import Address, Answers, document
from fullconv.serving.guard import Guard, Rules, response
from fullconv.serving.messages import Task
from fullconv.serving.one_host import OneHost
from fullconv.serving.page_files import TYPES, files_of
from fullconv.serving.refusal import Refusal
from fullconv.serving.service import Service


def make_app(service: Service, rules: Rules, label_studio: OneHost | None = None) -> ASGIApp:
    """Returns the application with its access rules. `label_studio` adds the endpoints for Label Studio."""
    routes = [address.route for address in addresses_of(service, label_studio)]
    guarded: ASGIApp = Guard(Starlette(routes=routes, exception_handlers=handlers(service)), rules)
    if rules.origins:
        guarded = CORSMiddleware(
            guarded, rules.origins, allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"], expose_headers=["Retry-After", "X-Model"],
        )  # fmt: skip
    return guarded


def addresses_of(service: Service, label_studio: OneHost | None) -> list[Address]:
    known = [*of_page(), of_predict(service), *of_models(service), *protocol.addresses(service)]
    if label_studio:
        from fullconv.serving import label_studio as other_tool

        known += other_tool.addresses(service, label_studio)
    return [*known, Address("GET", "/openapi.json", _giving(document(known)))]


def of_page() -> list[Address]:
    named = {"/" if name == "index.html" else f"/{name}": path for name, path in files_of("server").items()}
    return [Address("GET", address, _sending(path)) for address, path in named.items()]


def _sending(path: Path) -> Answers:
    async def send(_: Request) -> FileResponse:
        return FileResponse(path, media_type=TYPES[path.suffix])

    return send


def _giving(content: Any) -> Answers:
    async def give(_: Request) -> JSONResponse:
        return JSONResponse(content)

    return give


def of_predict(service: Service) -> Address:
    async def predict(request: Request) -> Response:
        save = output_of(request.query_params.get("save", "labels"))
        chosen = service.model(request.query_params.get("model"))
        asked = service.classes(chosen, request.query_params.get("classes"))

        async def read(request: Request, deadline: float) -> Task:
            return Task(chosen, await service.bodies.picture(request, deadline), save, classes=asked)

        answer = await service.see(request, read)
        return Response(answer.body, media_type=answer.media_type, headers={"X-Model": chosen})

    return Address("POST", "/predict", predict, descriptions.PREDICT)


def output_of(asked: str) -> str:
    """Returns the name if it is an output of /predict. Otherwise raises Refusal."""
    if asked not in descriptions.OUTPUTS:
        raise Refusal(422, "question", f"save: no output {asked!r}; choose from {', '.join(descriptions.OUTPUTS)}")
    return asked


def of_models(service: Service) -> list[Address]:
    async def models(_: Request) -> Response:
        return JSONResponse(list(service.workers.models.values()))

    async def metrics(_: Request) -> Response:
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4")

    return [Address("GET", "/models", models, descriptions.MODELS), Address("GET", "/metrics", metrics)]


def handlers(service: Service) -> dict[Any, Any]:
    """Returns the handlers that turn every error into JSON that says what to do."""

    def refuse(refusal: Refusal) -> JSONResponse:
        service.metrics.refusals.labels(refusal.reason).inc()
        return response(refusal)

    async def refused(_: Request, refusal: Refusal) -> JSONResponse:
        return refuse(refusal)

    async def unknown(_: Request, error: HTTPException) -> JSONResponse:
        message = {404: "no such address; see /openapi.json for the list"}.get(error.status_code, error.detail)
        answer = refuse(Refusal(error.status_code, "address", message))
        answer.headers.update(error.headers or {})
        return answer

    async def failed(_: Request, error: Exception) -> JSONResponse:
        return refuse(Refusal(500, "fault", "the server failed on this request; see its log"))

    return {Refusal: refused, HTTPException: unknown, Exception: failed}
