"""Pictures fetched from the one host that the server was told of, and from nowhere else."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urljoin, urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from fullconv import __version__
from fullconv.errors import FullconvError
from fullconv.serving.refusal import Refusal

CHUNK = 2**16  # bytes
PATIENCE = 10.0  # seconds without a byte
AS_THEY_ARE = "%/:?#[]@!$&'()*+,;=~"  # all others are written as %XX: spaces and letters beyond ASCII
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class OneHost:
    """`address` is https://host:port; `key` what its own users show: a token, or a personal one, which is exchanged for
    one that lasts minutes."""

    address: str
    key: str | None = None

    def check(self) -> None:
        """Raises FullconvError for what is no address."""
        if origin_of(self.address) is None:
            raise FullconvError(f"--label-studio {self.address}: no address; give one such as http://127.0.0.1:8080")

    async def fetch(self, address: str, most: int, deadline: float) -> bytes:
        """At most `most` bytes of an address there, in full or beginning with /, by `deadline` of time.monotonic.

        Raises Refusal for another host's, and for what does not come.
        """
        url = quote(urljoin(f"{self.address.rstrip('/')}/", address), safe=AS_THEY_ARE)
        self._refuse_other(url)
        return await asyncio.to_thread(self._fetched, url, most, deadline)

    def _refuse_other(self, url: str) -> None:
        if origin_of(url) != origin_of(self.address):
            told = f"{url}: lies elsewhere than {self.address}, the one host that --label-studio allows"
            raise Refusal(422, "elsewhere", f"{told}; keep the pictures in Label Studio itself")

    def _fetched(self, url: str, most: int, deadline: float) -> bytes:
        try:
            return self._read(Request(url, headers=self._headers(deadline)), most, deadline)
        except HTTPError as error:
            with error:
                told = "; set LABEL_STUDIO_API_KEY to an access token of its" if error.code in (401, 403) else ""
                raise Refusal(502, "fetch", f"{url}: answered {error.code}{told}") from None
        except (OSError, HTTPException, ValueError) as error:
            raise Refusal(502, "fetch", f"{url}: could not be fetched ({error}); is Label Studio up?") from None

    def _read(self, request: Request, most: int, deadline: float) -> bytes:
        opener = build_opener(ProxyHandler({}), SameHost(self))
        parts, length = [], 0
        with opener.open(request, timeout=min(PATIENCE, max(0.1, deadline - time.monotonic()))) as answer:
            while part := answer.read1(CHUNK):
                length += len(part)
                parts.append(part)
                if length > most:
                    told = f"{request.full_url}: larger than {most / 10**6:g} MB; start the server with --max-megabytes"
                    raise Refusal(413, "bytes", told)
                if time.monotonic() > deadline:
                    raise Refusal(504, "slow", f"{request.full_url}: did not arrive in time; try again")
        return b"".join(parts)

    def _headers(self, deadline: float) -> dict[str, str]:
        """A personal token is a JSON web token, of three parts; older ones are one word."""
        told = {"User-Agent": f"fullconv/{__version__}"}
        if not self.key:
            return told
        if self.key.count(".") != 2:
            return {**told, "Authorization": f"Token {self.key}"}
        body = json.dumps({"refresh": self.key}).encode()
        request = Request(
            urljoin(self.address, "/api/token/refresh"), body, {**told, "Content-Type": "application/json"}
        )
        fresh = json.loads(self._read(request, CHUNK, deadline))
        return {**told, "Authorization": f"Bearer {fresh['access']}"}


class SameHost(HTTPRedirectHandler):
    """Redirects are followed on the same host only."""

    def __init__(self, host: OneHost) -> None:
        self.host = host

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Request | None:
        self.host._refuse_other(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def origin_of(url: str) -> tuple[str, str, int] | None:
    """(scheme, host, port); None for what is no address of the web."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in PORTS or not parts.hostname or parts.username is not None:
        return None
    return parts.scheme, parts.hostname, port or PORTS[parts.scheme]
