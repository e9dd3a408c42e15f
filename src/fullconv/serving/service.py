"""Turns a request into an answer, for every endpoint that segments pictures."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request

from fullconv.errors import no_class, suggestion
from fullconv.serving.bodies import Bodies
from fullconv.serving.limits import Limits
from fullconv.serving.messages import Answer, Task
from fullconv.serving.metrics import Metrics
from fullconv.serving.refusal import Refusal
from fullconv.serving.workers import Workers

Reader = Callable[[Request, float], Awaitable[Task]]  # (request, deadline of time.monotonic) → task for a worker


class Service:
    """The parts of one server: workers, limits, bodies and metrics."""

    def __init__(self, workers: Workers, limits: Limits) -> None:
        self.workers, self.limits, self.bodies = workers, limits, Bodies(limits)
        self.metrics = Metrics(lambda: workers.waiting)

    async def handle(self, request: Request, read: Reader) -> Answer:
        """Reads the request, lets a worker do the task, and counts it. Raises Refusal."""
        deadline = self.deadline()
        with self.metrics.timed():
            task = await read(request, deadline)
            answer = await self.workers.run(task, deadline, request.is_disconnected)
        self.metrics.pictures.labels(task.model).inc()
        return answer

    def deadline(self) -> float:
        """Returns the deadline (of time.monotonic) for a request that begins now."""
        return time.monotonic() + self.limits.seconds

    def model(self, name: str | None) -> str:
        """Returns the name of a model: by default, the first one. Raises Refusal if it does not exist."""
        models = self.workers.models
        if name is None:
            return next(iter(models))
        if name not in models:
            raise Refusal(
                404, "model", f"no model {name!r} here; choose from {', '.join(models)}{suggestion(name, models)}"
            )
        return name

    def classes(self, model: str, asked: Sequence[str]) -> tuple[str, ...]:
        """Returns the names in texts such as "cat,dog". Raises Refusal if a text has none, and for a name that is not
        a class of the model."""
        known = self.workers.models[model]["classes"]
        found: list[str] = []
        for text in asked:
            names = [name.strip() for name in text.split(",") if name.strip()]
            if not names:
                raise Refusal(422, "class", f"classes={text} names none; the classes are {', '.join(known)}")
            found += names
        for name in found:
            if name not in known:
                raise Refusal(422, "class", no_class(name, known))
        return tuple(found)
