"""Reads the bodies of requests in bounded memory and time. Nothing is written to disk."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from fullconv.serving.compressed import decompressed, is_compressed
from fullconv.serving.descriptions import OPTIONS
from fullconv.serving.limits import Limits
from fullconv.serving.refusal import Refusal

DRAINED = 4  # a body that is too large is read up to this many times the limit, so that its sender gets the error
SHOWN = 60  # characters of a field's name
FORM = "multipart/form-data"
IN_ADDRESS = f"options ({', '.join(OPTIONS)}) belong in the address, as in /predict?save=masks"

# Without a handler, Python would print the parser's warning about each damaged form. The client gets an error instead.
logging.getLogger("python_multipart").addHandler(logging.NullHandler())


class InMemory(MultiPartParser):
    """A parser for forms that keeps files in memory. Starlette's writes files above a megabyte to disk."""

    spool_max_size = 2**40


class Bodies:
    """Reads bodies, and counts the bytes that all bodies hold together."""

    def __init__(self, limits: Limits) -> None:
        self.limits, self.held = limits, 0

    async def picture(self, request: Request, deadline: float) -> bytes:
        """Returns the picture's file: the whole body, or the one file in a form. Raises Refusal if there is none, if it
        is too large, or if it has not arrived by `deadline` (of time.monotonic)."""
        body = await self.read(request, deadline)
        if request.headers.get("content-type", "").lower().startswith(FORM):
            body = await file_of(request.headers, body)
        if not body:
            raise Refusal(422, "empty", "the request contains no picture; send the file as the body or in a form")
        return body

    async def read(self, request: Request, deadline: float) -> bytes:
        """Returns the whole body. Raises Refusal if it is too large, or has not arrived by `deadline` (of
        time.monotonic)."""
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                return await self._read(request)
        except TimeoutError:
            message = f"the body did not arrive within {self.limits.seconds:g} s; send it faster, or a smaller picture"
            raise Refusal(408, "slow", message) from None
        except ClientDisconnect:
            raise Refusal(499, "gone", "the client disconnected") from None

    async def _read(self, request: Request) -> bytes:
        parts, length = [], 0
        with self._holding() as hold:
            async for part in request.stream():
                length += len(part)
                if length <= self.limits.body:
                    hold(len(part))
                    parts.append(part)
                elif length > DRAINED * self.limits.body:
                    break
            self._check(length)
            body = b"".join(parts)
            if is_compressed(request.headers.get("content-encoding", "")):
                body = await asyncio.to_thread(decompressed, body, self.limits.body)
                self._check(len(body))
                hold(len(body))
            return body

    def _check(self, length: int) -> None:
        if length > self.limits.body:
            megabytes = self.limits.body / 10**6
            raise Refusal(413, "bytes", f"the body is larger than {megabytes:g} MB; send a smaller picture")

    @contextmanager
    def _holding(self) -> Iterator[Holding]:
        holding = Holding(self)
        try:
            yield holding
        finally:
            self.held -= holding.bytes


class Holding:
    """Counts the bytes of one body. Raises Refusal if all bodies together hold too many."""

    def __init__(self, bodies: Bodies) -> None:
        self.bodies, self.bytes = bodies, 0

    def __call__(self, count: int) -> None:
        self.bytes += count
        self.bodies.held += count
        if self.bodies.held > self.bodies.limits.held:
            raise Refusal(503, "memory", "too many pictures are arriving at once; try again after a second", 1)


async def file_of(headers: Headers, body: bytes) -> bytes:
    """Returns the only file in a form, whatever the name of its field. Raises Refusal if the form is damaged, has no
    file, or has anything else."""

    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    try:
        form = await InMemory(headers, stream(), max_files=1, max_fields=10).parse()
    except (MultiPartException, KeyError, UnicodeDecodeError):
        raise Refusal(422, "form", "the form cannot be read; send one file, as in: curl -F picture=@a.jpg") from None
    files = [value for value in form.values() if isinstance(value, UploadFile)]
    if not files:
        raise Refusal(422, "form", "the form contains no file; send one, as in: curl -F picture=@a.jpg")
    for name, value in form.items():
        if not isinstance(value, UploadFile):
            raise Refusal(422, "form", f"no field {name[:SHOWN]!r} in this form, which has only the file; {IN_ADDRESS}")
    return await files[0].read()
