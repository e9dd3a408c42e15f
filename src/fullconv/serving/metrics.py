"""The metrics that the server exposes to Prometheus."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from fullconv.serving.refusal import Refusal

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The metrics of one server. `queue` returns the current length of the queue; it is called at each scrape."""

    def __init__(self, queue: Callable[[], int]) -> None:
        self.registry = all_of = CollectorRegistry()
        text = "Time from the first byte of a request to its answer"
        self.seconds = Histogram("fullconv_request_seconds", text, buckets=SECONDS, registry=all_of)
        self.pictures = Counter("fullconv_pictures", "Pictures answered", ["model"], registry=all_of)
        self.refusals = Counter("fullconv_refusals", "Requests and tasks refused", ["reason"], registry=all_of)
        waiting = Gauge("fullconv_queue", "Pictures waiting for a worker", registry=all_of)
        waiting.set_function(queue)
        memory = Gauge("fullconv_memory_bytes", "Memory of the server and its workers", registry=all_of)
        memory.set_function(lambda: sum(map(memory_of, family(os.getpid()))))

    @contextmanager
    def timed(self) -> Iterator[None]:
        with self.seconds.time():
            yield

    def refuse(self, refusal: Refusal) -> None:
        self.refusals.labels(refusal.reason).inc()

    def text(self) -> bytes:
        return generate_latest(self.registry)


def family(pid: int) -> Iterator[int]:
    """Yields the id of a process and of all its descendants; only its own if the system has no /proc."""
    yield pid
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # the process has ended meanwhile
            for child in tasks.read_text().split():
                yield from family(int(child))


def memory_of(pid: int) -> int:
    """Returns the memory of a process in bytes; memory shared by n processes counts 1/n. 0 if there is no /proc."""
    with suppress(OSError, ValueError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return 0
