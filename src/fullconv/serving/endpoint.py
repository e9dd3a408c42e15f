"""One endpoint of the server: its method and path, the function that answers, and its OpenAPI description."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fullconv import __version__
from fullconv.serving import descriptions
from fullconv.serving.guard import OPEN_PATHS

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Endpoint:
    """`operation` is its OpenAPI description; None leaves it out of /openapi.json."""

    method: str
    path: str
    handler: Handler
    operation: dict[str, Any] | None = None

    @property
    def route(self) -> Route:
        return Route(self.path, self.handler, methods=[self.method])


def openapi_document(endpoints: Iterable[Endpoint], needs_token: bool) -> dict[str, Any]:
    """Returns the OpenAPI document of the endpoints (https://spec.openapis.org/oas/v3.1.0). `needs_token`: whether the
    server requires a token, for everything except OPEN_PATHS."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        if endpoint.operation is not None:
            security: dict[str, Any] = {"security": []} if needs_token and endpoint.path in OPEN_PATHS else {}
            paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = {**endpoint.operation, **security}
    info = {"title": "fullconv", "version": __version__, "description": descriptions.SERVER}
    return {"openapi": "3.1.0", "info": info, "paths": paths, **(descriptions.TOKEN if needs_token else {})}
