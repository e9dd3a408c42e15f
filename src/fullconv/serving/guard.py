"""Checks who may use the server, before anything else of a request is read, and adds security headers to every
answer."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fullconv.serving.refusal import Refusal

# Health checks and Prometheus use the address of a container as the host name. These hold no secret and change nothing.
ANY_HOST = ("/metrics", "/v2/health/live", "/v2/health/ready")
OPEN_PATHS = ("/", *ANY_HOST, "/favicon.ico")
LABEL_STUDIO = "/label-studio/"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Rules:
    """`hosts`: host names that requests may use, except for health and metrics; empty allows any. `origins`: other
    websites whose pages may send requests. `token`: required for everything except health, metrics and the paths of the
    page (`page`)."""

    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    token: str | None = None
    page: tuple[str, ...] = ()

    def check(self, method: str, path: str, headers: Headers) -> None:
        """Raises Refusal if the host, the origin or the token of a request is not allowed."""
        if path not in ANY_HOST:
            self._check_host(headers)
        self._check_origin(method, headers)
        if self.token and method != "OPTIONS" and path not in OPEN_PATHS and path not in self.page:
            self._check_token(headers, path)

    def _check_host(self, headers: Headers) -> None:
        """Without this check, a website could point its own host name at this machine, and let the browsers of its
        visitors send requests (DNS rebinding)."""
        host = without_port(headers.get("host", ""))
        if self.hosts and host not in self.hosts:
            raise Refusal(403, "host", f"no host {host!r} here; start the server with --allow-host {host or 'NAME'}")

    def _check_origin(self, method: str, headers: Headers) -> None:
        origin = headers.get("origin")
        if origin is None or method in ("GET", "HEAD") or origin in self.origins:
            return
        if origin.partition("://")[2] != headers.get("host"):
            raise Refusal(403, "origin", f"pages of {origin} may not ask this server; start it with --cors {origin}")

    def _check_token(self, headers: Headers, path: str) -> None:
        """Label Studio sends a user name and a password instead of a token; the password must be the token."""
        scheme, _, sent = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic" and path.startswith(LABEL_STUDIO):
            scheme, sent = "bearer", password_of(sent)
        right = hmac.compare_digest(sent.strip().encode(), (self.token or "").encode())
        if scheme.lower() != "bearer" or not right:
            raise Refusal(401, "token", "this server requires a token; send the header Authorization: Bearer TOKEN")


def password_of(sent: str) -> str:
    """Returns the password of a Basic header ("bmFtZTpwYXNzd29yZA==" → "password"), or "" if it is invalid."""
    try:
        return base64.b64decode(sent, validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


def without_port(host: str) -> str:
    """Returns a host in lower case without its port: "[::1]:8000" → "[::1]"."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).lower()


class Guard:
    """The rules as a layer around an application. `refuse` turns a refusal into the answer."""

    def __init__(self, app: ASGIApp, rules: Rules, refuse: Callable[[Refusal], ASGIApp]) -> None:
        self.app, self.rules, self.refuse = app, rules, refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        app = self.app
        try:
            self.rules.check(scope["method"], scope["path"], Headers(scope=scope))
        except Refusal as refusal:
            app = self.refuse(refusal)
        return await app(scope, receive, with_security_headers(send))


def with_security_headers(send: Send) -> Send:
    """Returns a `send` that adds the security headers to an answer."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return send_with_headers
