"""Downloads photos that are given by their web address. They are then processed like files on disk, in any format and
with any number of frames."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.client import HTTPException, HTTPResponse
from pathlib import Path, PurePosixPath
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit
from urllib.request import OpenerDirector, Request, build_opener

from fullconv import images
from fullconv.data.transfer import Redirects
from fullconv.errors import FullconvError, argument
from fullconv.jobs.outcome import Outcome
from fullconv.jobs.plan import is_address
from fullconv.words import counted

BYTES, PIXELS, SECONDS = 25 * 10**6, 50 * 10**6, 30.0  # limits for one photo; `fullconv serve` has the same defaults
SILENCE = 10.0  # seconds without any data before the download fails
CHUNK = 2**16  # bytes
LONGEST = 100  # characters of a file name


@dataclass(frozen=True)
class Fetched:
    """`inputs` contains a path instead of each address, `addresses` the address of each of these paths, and `failures`
    an outcome for each address that could not be downloaded."""

    inputs: tuple[str, ...]
    addresses: dict[Path, str] = field(default_factory=dict)
    failures: tuple[Outcome, ...] = ()

    def name(self, path: Path | str) -> str:
        """Returns the name to show for a picture: its address if it was downloaded, otherwise its path."""
        return self.addresses.get(Path(path), str(path))

    def with_address(self, outcome: Outcome) -> Outcome:
        """Returns the outcome with the address instead of the temporary path."""
        name = self.name(outcome.source)
        error = outcome.error and outcome.error.replace(str(outcome.source), name)
        return replace(outcome, source=name, error=error) if name != str(outcome.source) else outcome


@contextmanager
def fetched(inputs: Sequence[str], allow_http: bool = False) -> Iterator[Fetched]:
    """Downloads the addresses among the inputs into a temporary folder, which is removed at the end. If a download
    fails, the others continue, and `failures` contains the error.

    Raises FullconvError for an http address, unless `allow_http` is set.
    """
    for text in inputs:
        check_address(text, allow_http)
    with tempfile.TemporaryDirectory(prefix="fullconv-") as folder:
        yield _fetch_all(inputs, Path(folder), build_opener(Redirects()))


def check_address(text: str, allow_http: bool) -> None:
    """Raises FullconvError for an http address, unless it is allowed. Paths are ignored."""
    if is_address(text) and not text.lower().startswith("https:") and not allow_http:
        raise FullconvError(
            f"{text}: over http, others on the network can read and change the photo; use https, or add "
            f"{argument('allow_http', True)}"
        )


def _fetch_all(inputs: Sequence[str], folder: Path, opener: OpenerDirector) -> Fetched:
    paths, addresses, failures = [], {}, []
    for number, text in enumerate(inputs):
        path = Path(text)
        if is_address(text):
            path = folder / str(number) / name_of(text)
            try:
                fetch(opener, text, path)
            except FullconvError as error:
                failures.append(Outcome(text, error=str(error)))
                continue
            addresses[path] = text
        paths.append(str(path))
    return Fetched(tuple(paths), addresses, tuple(failures))


def name_of(address: str) -> str:
    """https://a.example/photos/my%20cat.jpg?size=2 → my-cat.jpg. The results are named after it."""
    last = PurePosixPath(unquote(urlsplit(address).path)).name
    plain = re.sub(r"[^\w.+-]+", "-", last).lstrip(".")
    return plain[-LONGEST:] or "photo"


def fetch(opener: OpenerDirector, address: str, path: Path) -> None:
    """Downloads one photo to `path`.

    Raises FullconvError if the server does not deliver it, it is too large or too slow, or it is not a photo.
    """
    path.parent.mkdir(parents=True)
    try:
        with opener.open(Request(address), timeout=SILENCE) as answer, path.open("wb") as file:
            for chunk in _chunks(answer, address):
                file.write(chunk)
    except HTTPError as error:
        raise FullconvError(
            f"{address}: the server answered {error.code} {error.reason}; try the address in a browser"
        ) from None
    except (URLError, ValueError, HTTPException, OSError) as error:
        reason = getattr(error, "reason", None) or str(error) or type(error).__name__
        raise FullconvError(f"{address}: cannot be downloaded ({reason}); check the address and the network") from None
    with images.opened(path, address, most=PIXELS):
        pass  # this reads only the header, which is enough to check the format and the size


def _chunks(answer: HTTPResponse, address: str) -> Iterator[bytes]:
    """Yields the body of the answer. Raises FullconvError if it exceeds the limits."""
    end, length = time.monotonic() + SECONDS, 0
    while chunk := answer.read1(CHUNK):
        length += len(chunk)
        if length > BYTES:
            raise FullconvError(
                f"{address}: is larger than {BYTES / 10**6:g} MB; download it yourself and give the file"
            )
        if time.monotonic() > end:
            raise FullconvError(f"{address}: takes longer than {SECONDS:g} s; download it yourself and give the file")
        yield chunk
    if length < int(answer.headers.get("Content-Length") or 0):
        raise FullconvError(f"{address}: the download ended early, after {counted(length, 'byte')}; try again")
