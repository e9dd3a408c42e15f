"""Downloads a file from a web server. It resumes after an interruption, and retries as long as that adds data."""

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
WINDOW, SLOWEST = 60, 1000  # seconds, and bytes per second on average; slower transfers would never end
ATTEMPTS = 3  # in a row without new data
WAIT = 2.0  # seconds before the second attempt; doubled for each further one
PASSING = {408, 429, 500, 502, 503, 504}  # HTTP status codes for temporary failures
NO_SUCH_RANGE = 416

Watch = Callable[[str, int | None], AbstractContextManager[Callable[[int], object]]]
"""(what is done, bytes in all or None) → a context. Its value is a function to call with the bytes of each piece."""


class Redirects(HTTPRedirectHandler):
    """Refuses redirects from https to anything else, and to anything that is not the web."""

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Request | None:
        scheme = urlsplit(newurl).scheme
        if scheme != "https" and not (scheme == req.type == "http"):
            raise FullconvError(
                f"{req.full_url}: the server redirects to {newurl}, which is not https; the redirect was not followed"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class Interrupted(Exception):
    """A transfer that can be resumed."""


def fetch(opener: OpenerDirector, archive: Archive, path: Path, watch: Watch) -> None:
    """Downloads the file to `path`, from the start or resumed.

    An archive without a checksum is always downloaded from the start: otherwise, nobody would notice two halves of
    different files.
    """
    part = path.with_name(path.name + ".part")
    resume = archive.sha256 is not None
    persist(lambda: transfer(opener, archive, part, resume, watch), archive.url, lambda: size_of(part))
    part.rename(path)


def persist(attempt: Callable[[], None], url: str, bytes_there: Callable[[], int]) -> None:
    """Retries after an interruption. Gives up after ATTEMPTS in a row without new data."""
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
    """Completes `part` with one request. Raises Interrupted and keeps what was received."""
    offset = size_of(part) if resume else 0
    request = Request(archive.url, headers={"Range": f"bytes={offset}-"} if offset else {})
    with ask(opener, request) as answer:
        if answer.status == NO_SUCH_RANGE:
            return check_complete(part, offset, answer.headers.get("Content-Range", ""))
        resumed = answer.status == 206  # a server without range support answers 200 and sends everything
        length = int(answer.headers["Content-Length"]) if "Content-Length" in answer.headers else None
        with part.open("ab" if resumed else "wb") as file, watch(archive.filename, length) as advance:
            for chunk in chunks(answer):
                file.write(chunk)
                advance(len(chunk))
    wanted = None if length is None else length + (offset if resumed else 0)
    if wanted is not None and size_of(part) < wanted:
        raise Interrupted(f"the connection broke off at {size_of(part)} of {wanted} bytes")


def check_complete(part: Path, offset: int, content_range: str) -> None:
    """Checks a file to which the server adds nothing at `offset`: it is complete ("bytes */SIZE"), or it is another
    file."""
    if content_range.rpartition("/")[2] != str(offset):
        part.unlink()
        raise Interrupted("the server has a different file than before")


def ask(opener: OpenerDirector, request: Request) -> HTTPResponse | Any:
    """Returns the answer to a request. Raises Interrupted if it may be repeated, FullconvError if that would not
    help."""
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
    """Yields the body. Network errors become Interrupted; errors of the disk stay as they are."""
    begun, came = time.monotonic(), 0
    try:
        while chunk := answer.read1(CHUNK):  # what has arrived, so that none of it is lost if the rest does not
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
