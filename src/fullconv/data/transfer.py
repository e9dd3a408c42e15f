"""A file from a web server: gone on with where it broke off, and tried again while that brings something new."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request

from fullconv.data.catalogue import Archive
from fullconv.errors import FullconvError

CHUNK = 1 << 20  # bytes
TIMEOUT = 60  # seconds without a byte
WINDOW, SLOWEST = 60, 1000  # seconds, and bytes a second over them: what sends less would take for ever
ATTEMPTS = 3  # in a row that bring nothing new
WAIT = 2.0  # seconds before the second of them, then twice as long
PASSING = {408, 429, 500, 502, 503, 504}  # HTTP's words for "not now"
NO_SUCH_RANGE = 416

Watch = Callable[[str, int | None], AbstractContextManager[Callable[[int], object]]]
"""(what is done, bytes in all or None) → a context whose value is told the bytes done, piece by piece."""


class Redirects(HTTPRedirectHandler):
    """Never followed from https to anything else, nor to anything but the web."""

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Request | None:
        scheme = urlsplit(newurl).scheme
        if scheme != "https" and not (scheme == req.type == "http"):
            raise FullconvError(
                f"{req.full_url}: the server redirects to {newurl}, which is not https; the redirect was not followed"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class Interrupted(Exception):
    """A transfer that may go on where it stopped."""


def fetch(opener: OpenerDirector, archive: Archive, path: Path, watch: Watch) -> None:
    """`path` as the server has it, begun anew or gone on with.

    Without a checksum nobody would notice two halves of different files: such an archive is always begun anew.
    """
    part = path.with_name(path.name + ".part")
    resume = archive.sha256 is not None
    persist(lambda: transfer(opener, archive, part, resume, watch), archive.url, lambda: size_of(part))
    part.rename(path)


def persist(attempt: Callable[[], None], url: str, bytes_there: Callable[[], int]) -> None:
    """Tries again after an interruption, and gives up after ATTEMPTS in a row that brought nothing new."""
    furthest, vain = bytes_there(), 0
    while True:
        try:
            return attempt()
        except Interrupted as error:
            there = bytes_there()
            furthest, vain = max(furthest, there), 1 if there > furthest else vain + 1
            if vain >= ATTEMPTS:
                raise FullconvError(
                    f"{url}: {error}; check the network and run the same command again to continue"
                ) from None
            time.sleep(WAIT * 2 ** (vain - 1))


def transfer(opener: OpenerDirector, archive: Archive, part: Path, resume: bool, watch: Watch) -> None:
    """One request that completes `part`. Raises Interrupted with what came kept in it."""
    offset = size_of(part) if resume else 0
    request = Request(archive.url, headers={"Range": f"bytes={offset}-"} if offset else {})
    with ask(opener, request) as answer:
        if answer.status == NO_SUCH_RANGE:
            return check_complete(part, offset, answer.headers.get("Content-Range", ""))
        resumed = answer.status == 206  # a server without ranges says 200 and begins at the beginning
        length = int(answer.headers["Content-Length"]) if "Content-Length" in answer.headers else None
        with part.open("ab" if resumed else "wb") as file, watch(archive.filename, length) as advance:
            for chunk in chunks(answer):
                file.write(chunk)
                advance(len(chunk))
    wanted = None if length is None else length + (offset if resumed else 0)
    if wanted is not None and size_of(part) < wanted:
        raise Interrupted(f"the connection broke off at {size_of(part)} of {wanted} bytes")


def check_complete(part: Path, offset: int, content_range: str) -> None:
    """Nothing lies beyond `offset`: either all is there ("bytes */SIZE" says so), or it is another file's."""
    if content_range.rpartition("/")[2] != str(offset):
        part.unlink()
        raise Interrupted("the server has a different file than before")


def ask(opener: OpenerDirector, request: Request) -> HTTPResponse | Any:
    """The answer to a request. Raises Interrupted where it may be asked again, FullconvError where that is vain."""
    try:
        return opener.open(request, timeout=TIMEOUT)
    except HTTPError as error:
        if error.code == NO_SUCH_RANGE:
            return error
        if error.code in PASSING:
            raise Interrupted(f"the server answered {error.code} {error.reason}") from None
        raise FullconvError(
            f"{request.full_url}: the server answered {error.code} {error.reason}; "
            "try the address in a browser, since the file may have moved"
        ) from None
    except URLError as error:
        raise Interrupted(f"no connection ({error.reason})") from None
    except (OSError, HTTPException) as error:
        raise Interrupted(f"no answer ({error or type(error).__name__})") from None


def chunks(answer: HTTPResponse) -> Iterator[bytes]:
    """The body. Its network errors become Interrupted; those of the disk it is written to stay what they are."""
    begun, came = time.monotonic(), 0
    try:
        while chunk := answer.read1(CHUNK):  # what has come, so that nothing of it is lost when the rest does not
            came += len(chunk)
            yield chunk
            if (passed := time.monotonic() - begun) > WINDOW:
                if came < SLOWEST * passed:
                    raise FullconvError(f"{answer.url}: sends less than {SLOWEST} bytes a second; try again later")
                begun, came = time.monotonic(), 0
    except (OSError, HTTPException) as error:
        raise Interrupted(f"the connection broke off ({error or type(error).__name__})") from None


def size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
