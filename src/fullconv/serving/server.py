"""Runs the server: starts the workers, serves, and finishes the requests in progress before it stops."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

import uvicorn

from fullconv.serving.app import make_app
from fullconv.serving.guard import Rules
from fullconv.serving.limits import Limits
from fullconv.serving.one_host import OneHost
from fullconv.serving.page_files import files_of
from fullconv.serving.place import Place
from fullconv.serving.service import Service
from fullconv.serving.workers import Workers

GRACE = 5  # when the server stops, seconds for requests in progress beyond their time limit


def run(
    place: Place, workers: Workers, limits: Limits, on_ready: Callable[[str, Workers], object],
    label_studio: OneHost | None = None,
) -> None:  # fmt: skip
    """Serves until SIGTERM or Ctrl-C, then finishes the requests in progress. Raises FullconvError if a model cannot be
    loaded or the port cannot be used.

    `on_ready` is called with the address once the server answers. `label_studio` is the only host that pictures may be
    fetched from.
    """
    asyncio.run(serve(place, workers, limits, on_ready, label_studio))


async def serve(
    place: Place, workers: Workers, limits: Limits, on_ready: Callable[[str, Workers], object],
    label_studio: OneHost | None,
) -> None:  # fmt: skip
    with place.bind() as listening:
        await workers.start()
        app = make_app(Service(workers, limits), rules_of(place), label_studio)
        server = uvicorn.Server(settings(app, limits.seconds))
        on_ready(place.address(listening.getsockname()[1]), workers)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)  # when uvicorn has stopped, it raises the signal again
        await server.serve(sockets=[listening])


def rules_of(place: Place) -> Rules:
    return Rules(place.names(), place.origins, place.token, tuple(f"/{name}" for name in files_of("server")))


def settings(app: object, seconds: float) -> uvicorn.Config:
    """Returns uvicorn's settings. Requests are not logged."""
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        lifespan="off", access_log=False, log_level="warning", server_header=False, date_header=True,
        timeout_keep_alive=5, timeout_graceful_shutdown=int(seconds) + GRACE, h11_max_incomplete_event_size=64 * 1024,
        proxy_headers=False,
    )  # fmt: skip
