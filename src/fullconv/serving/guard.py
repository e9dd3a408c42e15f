"""Who may ask: checked before anything else of a request is looked at; and what browsers are told with every answer."""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fullconv.serving.refusal import Refusal

OPEN_PATHS = ("/", "/metrics", "/v2/health/live", "/v2/health/ready", "/favicon.ico")
LABEL_STUDIO = "/label-studio/"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
TOLD = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Rules:
    """`hosts`: names under which the server may be asked, none for any; `origins`: other sites whose pages may ask it;
    `token`: what everybody must show, but for the page itself, health and metrics."""

    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    token: str | None = None
    page: tuple[str, ...] = ()

    def check(self, method: str, path: str, headers: Headers) -> None:
        """Raises Refusal."""
        self._check_host(headers)
        self._check_origin(method, headers)
        if self.token and method != "OPTIONS" and path not in OPEN_PATHS and path not in self.page:
            self._check_token(headers, path)

    def _check_host(self, headers: Headers) -> None:
        """Without this, a site could point its own name at this machine and have its visitors' browsers ask."""
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
        """Label Studio shows a name and a password; the token is the password."""
        scheme, _, shown = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic" and path.startswith(LABEL_STUDIO):
            scheme, shown = "bearer", password_of(shown)
        right = hmac.compare_digest(shown.strip().encode(), (self.token or "").encode())
        if scheme.lower() != "bearer" or not right:
            raise Refusal(401, "token", "this server requires a token; send the header Authorization: Bearer TOKEN")


def password_of(shown: str) -> str:
    """ "bmFtZTpwYXNzd29yZA==" → "password"; "" for what is none."""
    try:
        return base64.b64decode(shown, validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


def without_port(host: str) -> str:
    """ "[::1]:8000" → "[::1]" """
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).lower()


class Guard:
    """The rules as a layer around an application."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self.app, self.rules = app, rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        app = self.app
        try:
            self.rules.check(scope["method"], scope["path"], Headers(scope=scope))
        except Refusal as refusal:
            app = response(refusal)
        return await app(scope, receive, telling(send))


def telling(send: Send) -> Send:
    """The same with the headers that every answer has."""

    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in TOLD.items():
                headers.setdefault(name, value)
        await send(message)

    return told


def response(refusal: Refusal) -> JSONResponse:
    headers = dict(refusal.headers)
    if refusal.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(refusal.to_json(), refusal.status, headers)
