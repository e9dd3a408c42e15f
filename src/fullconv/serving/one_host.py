"""Fetches pictures from the one host given by --label-studio, and from no other."""

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
from fullconv.errors import UnknownValue
from fullconv.serving.refusal import Refusal

CHUNK = 2**16  # bytes
PATIENCE = 10.0  # seconds to wait for the next byte
UNQUOTED = "%/:?#[]@!$&'()*+,;=~"  # other characters, such as spaces and non-ASCII letters, are written as %XX
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class OneHost:
    """`address`: https://host:port. `key`: the access token of a Label Studio user. A personal access token is
    exchanged for one that is valid for minutes."""

    address: str
    key: str | None = None

    def check(self) -> None:
        """Raises FullconvError if the address is invalid."""
        if origin_of(self.address) is None:
            raise UnknownValue(
                f"--label-studio {self.address}: not a valid address; give one such as http://127.0.0.1:8080"
            )

    async def fetch(self, address: str, most: int, deadline: float) -> bytes:
        """Returns the bytes at `address`, which is a full address on this host, or a path that begins with /.

        Raises Refusal if it is on another host, is larger than `most` bytes, or does not arrive by `deadline` (of
        time.monotonic).
        """
        url = quote(urljoin(f"{self.address.rstrip('/')}/", address), safe=UNQUOTED)
        self._refuse_other(url)
        return await asyncio.to_thread(self._fetched, url, most, deadline)

    def _refuse_other(self, url: str) -> None:
        if origin_of(url) != origin_of(self.address):
            message = f"{url}: not on {self.address}, the only host that --label-studio allows"
            raise Refusal(422, "elsewhere", f"{message}; keep the pictures in Label Studio itself")

    def _fetched(self, url: str, most: int, deadline: float) -> bytes:
        try:
            return self._read(Request(url, headers=self._headers(deadline)), most, deadline)
        except HTTPError as error:
            with error:
                remedy = "; set LABEL_STUDIO_API_KEY to an access token" if error.code in (401, 403) else ""
                raise Refusal(502, "fetch", f"{url}: answered with status {error.code}{remedy}") from None
        except (OSError, HTTPException, ValueError) as error:
            raise Refusal(502, "fetch", f"{url}: could not be fetched ({error}); is Label Studio running?") from None

    def _read(self, request: Request, most: int, deadline: float) -> bytes:
        opener = build_opener(ProxyHandler({}), SameHost(self))
        parts, length = [], 0
        with opener.open(request, timeout=min(PATIENCE, max(0.1, deadline - time.monotonic()))) as answer:
            while part := answer.read1(CHUNK):
                length += len(part)
                parts.append(part)
                if length > most:
                    megabytes = f"{most / 10**6:g} MB"
                    message = f"{request.full_url}: larger than {megabytes}; start the server with --max-megabytes"
                    raise Refusal(413, "bytes", message)
                if time.monotonic() > deadline:
                    raise Refusal(504, "slow", f"{request.full_url}: did not arrive in time; try again")
        return b"".join(parts)

    def _headers(self, deadline: float) -> dict[str, str]:
        """Returns the headers of a request. A personal access token is a JSON web token, which has three parts
        separated by dots; legacy tokens have no dots."""
        common = {"User-Agent": f"fullconv/{__version__}"}
        if not self.key:
            return common
        if self.key.count(".") != 2:
            return {**common, "Authorization": f"Token {self.key}"}
        body = json.dumps({"refresh": self.key}).encode()
        request = Request(
            urljoin(self.address, "/api/token/refresh"), body, {**common, "Content-Type": "application/json"}
        )
        fresh = json.loads(self._read(request, CHUNK, deadline))
        return {**common, "Authorization": f"Bearer {fresh['access']}"}


class SameHost(HTTPRedirectHandler):
    """Follows redirects only if they stay on the same host."""

    def __init__(self, host: OneHost) -> None:
        self.host = host

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Request | None:
        self.host._refuse_other(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def origin_of(url: str) -> tuple[str, str, int] | None:
    """Returns (scheme, host, port); None if `url` is not a web address, or contains a user name."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in PORTS or not parts.hostname or parts.username is not None:
        return None
    return parts.scheme, parts.hostname, port or PORTS[parts.scheme]
