"""The worker processes, with a bounded queue. A worker that exceeds its time is killed and replaced."""

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
from fullconv.words import counted

START = 60  # seconds in which a worker must be ready
TRIES = 3  # attempts at a picture if its worker dies, or a new worker dies before it is ready
SMOOTHING = 0.1  # weight of the newest picture in the mean time per picture
Descriptions = dict[str, dict[str, Any]]


def _work(connection: Connection, setup: Setup) -> None:
    from fullconv.serving.work import work  # imports heavy libraries, so only in the process that needs them

    work(connection, setup)


class Worker:
    """One process, once `begin` was called. The methods block, so they are called in threads."""

    process: BaseProcess | None = None
    connection: Connection

    def __init__(self, setup: Setup) -> None:
        self.setup = setup

    def begin(self) -> None:
        """Starts the process and does not wait until it is ready."""
        self.connection, theirs = processes().Pipe()
        started = processes().Process(target=_work, args=(theirs, self.setup), daemon=True, name="fullconv worker")
        started.start()
        self.process = started
        theirs.close()  # so that reading raises EOFError if the process dies

    def ready(self) -> Descriptions:
        """Waits until the process is ready and returns {name: description} of its models.

        Raises FullconvError if they cannot be loaded.
        """
        reply = self._receive(START)
        if isinstance(reply, FullconvError):
            raise reply
        if not isinstance(reply, dict):
            raise FullconvError("a worker process ended before it was ready; is there enough memory?")
        return reply

    def ask(self, task: Task, deadline: float) -> Answer:
        """Returns the answer to a task. Raises Refusal if the picture cannot be segmented, or if this takes beyond
        `deadline` (of time.monotonic). In that case a new process replaces this one."""
        for _ in range(TRIES):
            if time.monotonic() >= deadline:
                raise too_late()
            reply = self._exchange(task, deadline - time.monotonic())
            if isinstance(reply, Refusal):
                raise reply
            if not isinstance(reply, (TimeoutError, EOFError)):
                return reply
            with suppress(FullconvError, OSError):  # if the new process fails to start, the next try starts another
                self.renew()
            if isinstance(reply, TimeoutError):
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
        """Replaces the process, if there is one, by a new one, and returns the descriptions of its models."""
        self.end()
        self.begin()
        return self.ready()

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.connection.close()


def too_late() -> Refusal:
    """Without Retry-After: the same picture would take as long again."""
    return Refusal(503, "time", "the picture took too long; send a smaller one, or try again later")


class Workers:
    """Several workers, for an event loop. The first starts at once. The others start when the first is ready, so that
    they do not slow it down; until they are ready, pictures are segmented one by one."""

    def __init__(self, count: int, setup: Setup) -> None:
        self.queue, self.share = setup.limits.queue, setup.limits.seconds / 2
        processes()
        self.all = [Worker(setup) for _ in range(count)]
        self.threads = ThreadPoolExecutor(count)
        self.first = self.threads.submit(self.all[0].renew)
        self.idle: asyncio.Queue[Worker] = asyncio.Queue()
        self.waiting, self.mean = 0, 0.1  # number of waiting pictures; mean seconds per picture
        self.models: Descriptions = {}

    async def start(self) -> None:
        """Returns when the first worker is ready. Raises FullconvError if a model cannot be loaded."""
        self.models = await asyncio.wrap_future(self.first)
        self.idle.put_nowait(self.all[0])
        self.starting = [asyncio.create_task(self._join(worker)) for worker in self.all[1:]]

    async def _join(self, worker: Worker) -> None:
        """Starts one more worker. If that fails, the first task that it gets starts it again."""
        with suppress(FullconvError):
            await asyncio.get_running_loop().run_in_executor(self.threads, worker.renew)
        self.idle.put_nowait(worker)

    async def run(self, task: Task, deadline: float, gone: Callable[[], Awaitable[bool]]) -> Answer:
        """Returns the answer, once a worker was free for the task. Raises Refusal.

        `gone` returns whether the client has disconnected. `deadline` is a time of time.monotonic.
        """
        worker = await self._worker(deadline)
        if await gone():
            self.idle.put_nowait(worker)
            raise Refusal(499, "gone", "the client disconnected")
        asked = asyncio.get_running_loop().run_in_executor(self.threads, self._timed, worker, task, deadline)
        asked.add_done_callback(lambda _: self.idle.put_nowait(worker))  # even if the request was cancelled
        return await asyncio.shield(asked)

    async def _worker(self, deadline: float) -> Worker:
        """Waits for a free worker. Raises Refusal if there is none in time.

        A picture waits at most half of a request's time: a worker that starts too late would only be killed. If the
        wait is expected to be longer, the request is refused at once.
        """
        busy = self.idle.empty()
        if busy and (self.waiting >= self.queue or self.patience() > self.share):
            message = f"{counted(self.waiting, 'picture')} already waiting; try again after the seconds in Retry-After"
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
        """Returns the expected number of seconds until the pictures that wait now are done."""
        return max(1, math.ceil(self.waiting * self.mean / len(self.all)))

    def stop(self) -> None:
        for worker in self.all:
            worker.end()
        self.threads.shutdown(wait=False, cancel_futures=True)
