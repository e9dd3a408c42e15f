"""From a request to an answer, for every route that looks at pictures."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from starlette.requests import Request

from fullconv.serving.bodies import Bodies
from fullconv.serving.limits import Limits
from fullconv.serving.messages import Answer, Task
from fullconv.serving.metrics import Metrics
from fullconv.serving.refusal import Refusal
from fullconv.serving.workers import Workers

Reader = Callable[[Request, float], Awaitable[Task]]  # request, deadline of time.monotonic → what is to be done


class Service:
    """The parts of one server."""

    def __init__(self, workers: Workers, limits: Limits) -> None:
        self.workers, self.limits, self.bodies = workers, limits, Bodies(limits)
        self.metrics = Metrics(lambda: workers.waiting)

    async def see(self, request: Request, read: Reader) -> Answer:
        """Reads the request, has a worker do what it asks, and counts. Raises Refusal."""
        deadline = self.deadline()
        with self.metrics.timed():
            task = await read(request, deadline)
            answer = await self.workers.run(task, deadline, request.is_disconnected)
        self.metrics.pictures.labels(task.model).inc()
        return answer

    def deadline(self) -> float:
        """Of a request that begins now, by time.monotonic."""
        return time.monotonic() + self.limits.seconds

    def model(self, name: str | None) -> str:
        """The model's name; the first one where none is named. Raises Refusal."""
        models = self.workers.models
        if name is None:
            return next(iter(models))
        if name not in models:
            raise Refusal(404, "model", f"no model {name!r} here; choose from {', '.join(models)}")
        return name

    def classes(self, model: str, asked: str | None) -> tuple[str, ...]:
        """ "cat,dog" → their names. Raises Refusal for one that the model does not know."""
        known = self.workers.models[model]["classes"]
        names = tuple(name.strip() for name in (asked or "").split(",") if name.strip())
        for name in names:
            if name not in known:
                raise Refusal(422, "class", f"no class {name!r}; the classes are {', '.join(known)}")
        return names
