"""Processes that look at pictures: a bounded queue before them, killed at their time, started anew."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from fullconv.errors import FullconvError
from fullconv.serving.messages import Answer, Setup, Task
from fullconv.serving.processes import processes
from fullconv.serving.refusal import Refusal

START = 60  # seconds in which a worker is ready
TRIES = 3  # of a picture whose worker dies, or the one in its place before it is ready
SMOOTHING = 0.1  # weight of the newest picture in the mean time of a picture
Descriptions = dict[str, dict[str, Any]]


def _work(connection: Connection, setup: Setup) -> None:
    from fullconv.serving.work import work  # with all that is heavy, in the process that needs it

    work(connection, setup)


class Worker:
    """One process, once it has begun. Its methods block, so each is called in a thread of its own."""

    process: BaseProcess | None = None
    connection: Connection

    def __init__(self, setup: Setup) -> None:
        self.setup = setup

    def begin(self) -> None:
        """Starts the process, which gets ready meanwhile."""
        self.connection, theirs = processes().Pipe()
        started = processes().Process(target=_work, args=(theirs, self.setup), daemon=True, name="fullconv worker")
        started.start()
        self.process = started
        theirs.close()  # so that the process's death is an end of file here

    def ready(self) -> Descriptions:
        """What its models are. Raises FullconvError where they cannot be loaded."""
        said = self._receive(START)
        if isinstance(said, FullconvError):
            raise said
        if not isinstance(said, dict):
            raise FullconvError("a worker process ended before it was ready; is there enough memory?")
        return said

    def ask(self, task: Task, deadline: float) -> Answer:
        """Raises Refusal for a picture that is none, or is not done by `deadline` (of time.monotonic): then the process
        is another one afterwards."""
        for _ in range(TRIES):
            if time.monotonic() >= deadline:
                raise too_late()
            said = self._exchange(task, deadline - time.monotonic())
            if isinstance(said, Refusal):
                raise said
            if not isinstance(said, (TimeoutError, EOFError)):
                return said
            with suppress(FullconvError, OSError):  # one that cannot start is begun anew by the next try
                self.renew()
            if isinstance(said, TimeoutError):
                raise too_late()
        raise Refusal(500, "died", f"the worker processing the picture ended {TRIES} times; try another picture")

    def _exchange(self, task: Task, seconds: float) -> Any:
        try:
            self.connection.send(task)
        except OSError:
            return EOFError()
        return self._receive(seconds)

    def _receive(self, seconds: float) -> Any:
        try:
            return self.connection.recv() if self.connection.poll(max(0.0, seconds)) else TimeoutError()
        except (EOFError, OSError):
            return EOFError()

    def renew(self) -> Descriptions:
        self.end()
        self.begin()
        return self.ready()

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.connection.close()


def too_late() -> Refusal:
    return Refusal(503, "time", "the picture took too long; send a smaller one, or try again later", 1)


class Workers:
    """Several, for an event loop. The first begins at once; the others when that one is ready, so that it is not slowed
    down: until then pictures are looked at one by one."""

    def __init__(self, count: int, setup: Setup) -> None:
        self.queue, self.share = setup.limits.queue, setup.limits.seconds / 2
        processes()
        self.all = [Worker(setup) for _ in range(count)]
        self.threads = ThreadPoolExecutor(count)
        self.first = self.threads.submit(self.all[0].renew)
        self.idle: asyncio.Queue[Worker] = asyncio.Queue()
        self.waiting, self.mean = 0, 0.1  # pictures; seconds a picture
        self.models: Descriptions = {}

    async def start(self) -> None:
        """Returns when one is ready. Raises FullconvError where a model cannot be loaded."""
        self.models = await asyncio.wrap_future(self.first)
        self.idle.put_nowait(self.all[0])
        self.starting = [asyncio.create_task(self._join(worker)) for worker in self.all[1:]]

    async def _join(self, worker: Worker) -> None:
        """One more, as soon as it can; one that cannot is begun anew when its turn comes."""
        with suppress(FullconvError):
            await asyncio.get_running_loop().run_in_executor(self.threads, worker.renew)
        self.idle.put_nowait(worker)

    async def run(self, task: Task, deadline: float, gone: Callable[[], Awaitable[bool]]) -> Answer:
        """The answer, once a worker is free. Raises Refusal; `gone` tells whether nobody waits any more."""
        worker = await self._worker(deadline)
        if await gone():
            self.idle.put_nowait(worker)
            raise Refusal(499, "gone", "the client disconnected")
        asked = asyncio.get_running_loop().run_in_executor(self.threads, self._timed, worker, task, deadline)
        asked.add_done_callback(lambda _: self.idle.put_nowait(worker))  # even where nobody waits for the answer
        return await asyncio.shield(asked)

    async def _worker(self, deadline: float) -> Worker:
        """One that is free. Half of a request's time may be spent waiting, so that no picture is begun, and its worker
        killed, too late; who would wait longer is told at once."""
        busy = self.idle.empty()
        if busy and (self.waiting >= self.queue or self.patience() > self.share):
            message = f"{self.waiting} pictures are already waiting; try again after the seconds in Retry-After"
            raise Refusal(429, "queue", message, self.patience())
        self.waiting += 1
        try:
            async with asyncio.timeout(deadline - self.share - time.monotonic()):
                return await self.idle.get()
        except TimeoutError:
            message = "no worker was free in time; try again after the seconds in Retry-After"
            raise Refusal(503, "time", message, self.patience()) from None
        finally:
            self.waiting -= 1

    def _timed(self, worker: Worker, task: Task, deadline: float) -> Answer:
        began = time.monotonic()
        try:
            return worker.ask(task, deadline)
        finally:
            self.mean += SMOOTHING * (time.monotonic() - began - self.mean)

    def patience(self) -> int:
        """Seconds in which those that wait now will have been served."""
        return max(1, math.ceil(self.waiting * self.mean / len(self.all)))

    def stop(self) -> None:
        for worker in self.all:
            worker.end()
        self.threads.shutdown(wait=False, cancel_futures=True)
