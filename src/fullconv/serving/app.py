"""The endpoints of the server: the page, /predict, /models, /metrics, and the Open Inference Protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.types import ASGIApp

from fullconv.errors import suggestion
from fullconv.serving import descriptions, protocol
from fullconv.serving.endpoint import Endpoint, Handler, openapi_document
from fullconv.serving.guard import Guard, Rules
from fullconv.serving.messages import Task
from fullconv.serving.metrics import Metrics
from fullconv.serving.one_host import OneHost
from fullconv.serving.page_files import TYPES, files_of
from fullconv.serving.refusal import Refusal
from fullconv.serving.service import Service

STRIPPED = b"\r\n\0"  # what curl -d removes from a file


def make_app(service: Service, rules: Rules, label_studio: OneHost | None = None) -> ASGIApp:
    """Returns the application with its access rules. `label_studio` adds the endpoints for Label Studio."""
    routes = [endpoint.route for endpoint in endpoints_of(service, label_studio, bool(rules.token))]
    refuse = refuser(service.metrics)
    guarded: ASGIApp = Guard(Starlette(routes=routes, exception_handlers=handlers(refuse)), rules, refuse)
    if rules.origins:
        guarded = CORSMiddleware(
            guarded, rules.origins, allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"], expose_headers=["Retry-After", "X-Model"],
        )  # fmt: skip
    return guarded


def endpoints_of(service: Service, label_studio: OneHost | None, needs_token: bool) -> list[Endpoint]:
    known = [*page_endpoints(), predict_endpoint(service), *model_endpoints(service), *protocol.endpoints(service)]
    if label_studio:
        from fullconv.serving import label_studio as other_tool

        known += other_tool.endpoints(service, label_studio)
    return [*known, Endpoint("GET", "/openapi.json", _giving(openapi_document(known, needs_token)))]


def page_endpoints() -> list[Endpoint]:
    files = {"/" if name == "index.html" else f"/{name}": path for name, path in files_of("server").items()}
    return [Endpoint("GET", url_path, _sending(file)) for url_path, file in files.items()]


def _sending(path: Path) -> Handler:
    async def send(_: Request) -> FileResponse:
        return FileResponse(path, media_type=TYPES[path.suffix])

    return send


def _giving(content: Any) -> Handler:
    async def give(_: Request) -> JSONResponse:
        return JSONResponse(content)

    return give


def predict_endpoint(service: Service) -> Endpoint:
    async def predict(request: Request) -> Response:
        options = request.query_params
        check_options(options)
        save = output_of(only(options, "save") or "labels")
        chosen = service.model(only(options, "model"))
        asked = service.classes(chosen, options.getlist("classes"))

        async def read(request: Request, deadline: float) -> Task:
            picture = await service.bodies.picture(request, deadline)
            request.state.stripped = not any(byte in picture for byte in STRIPPED)
            return Task(chosen, picture, save, classes=asked)

        try:
            answer = await service.handle(request, read)
        except Refusal as refusal:
            raise of_form(refusal, request) from None
        return Response(answer.body, media_type=answer.media_type, headers={"X-Model": chosen})

    return Endpoint("POST", "/predict", predict, descriptions.PREDICT)


def of_form(refusal: Refusal, request: Request) -> Refusal:
    """Returns the refusal of a picture, with a hint if `curl -d`, which removes some bytes, seems to have sent it. Its
    --data-binary calls a file a form, too."""
    is_form = request.headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded")
    if refusal.reason not in ("format", "damaged") or not (is_form and getattr(request.state, "stripped", False)):
        return refusal
    hint = "the request says that it is a form; with curl, send the file with --data-binary, since -d changes it"
    return Refusal(refusal.status, refusal.reason, f"{refusal.message}; {hint}")


def check_options(asked: Iterable[str]) -> None:
    """Raises Refusal for an option of the address that /predict does not have."""
    known = ", ".join(descriptions.OPTIONS)
    for name in asked:
        if name not in descriptions.OPTIONS:
            near = suggestion(name, descriptions.OPTIONS)
            raise Refusal(422, "question", f"no option {name!r} here; choose from {known}{near}")


def only(options: QueryParams, name: str) -> str | None:
    """Returns the value of an option that can be given once, or None. Raises Refusal if there are more."""
    values = options.getlist(name)
    if len(values) > 1:
        what = {"save": "output"}.get(name, name)
        raise Refusal(422, "question", f"{name} is given twice; a request has one {what}")
    return values[0] if values else None


def output_of(asked: str) -> str:
    """Returns the name if it is an output of /predict. Otherwise raises Refusal."""
    if asked not in descriptions.OUTPUTS:
        near = suggestion(asked, descriptions.OUTPUTS)
        raise Refusal(
            422, "question", f"save: no output {asked!r}; choose from {', '.join(descriptions.OUTPUTS)}{near}"
        )
    return asked


def model_endpoints(service: Service) -> list[Endpoint]:
    async def models(_: Request) -> Response:
        return JSONResponse(list(service.workers.models.values()))

    async def metrics(_: Request) -> Response:
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4")

    return [Endpoint("GET", "/models", models, descriptions.MODELS), Endpoint("GET", "/metrics", metrics)]


def refuser(metrics: Metrics) -> Callable[[Refusal], JSONResponse]:
    """Returns a function that counts a refusal and turns it into JSON that says what to do."""

    def refuse(refusal: Refusal) -> JSONResponse:
        metrics.refuse(refusal)
        headers = {"WWW-Authenticate": "Bearer"} if refusal.status == 401 else {}
        return JSONResponse(refusal.to_json(), refusal.status, {**refusal.headers, **headers})

    return refuse


def other_method(request: Request, error: HTTPException) -> str:
    """Returns the message for a request whose address takes another method, which the error names."""
    what = "the picture" if request.url.path == "/predict" else "the request"
    allowed = (error.headers or {}).get("Allow", "another method").split(", ")
    return f"no {request.method} here; send {what} with {' or '.join(name for name in allowed if name != 'HEAD')}"


def handlers(refuse: Callable[[Refusal], JSONResponse]) -> dict[Any, Any]:
    """Returns the handlers that turn every error into a refusal."""

    async def refused(_: Request, refusal: Refusal) -> JSONResponse:
        return refuse(refusal)

    async def unknown(request: Request, error: HTTPException) -> JSONResponse:
        message = error.detail
        if error.status_code == 404:
            message = "no such address; see /openapi.json for the list"
        elif error.status_code == 405:
            message = other_method(request, error)
        answer = refuse(Refusal(error.status_code, "address", message))
        answer.headers.update(error.headers or {})
        return answer

    async def failed(_: Request, error: Exception) -> JSONResponse:
        return refuse(Refusal(500, "fault", "the server failed on this request; see its log"))

    return {Refusal: refused, HTTPException: unknown, Exception: failed}
