"""Where a server listens, and who may use it."""

from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass

from fullconv.errors import FullconvError, UnknownValue

LOCAL = ("localhost", "127.0.0.1", "[::1]")
ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:\d+)?")  # as in the header Origin: lower case, no path
BACKLOG = 2048  # connections that may wait to be accepted


@dataclass(frozen=True)
class Place:
    """`host`, `port`: the address to listen on. `open`: other machines may send requests without a token.
    `allow_hosts`: host names that requests may use. `origins`: websites whose pages may send requests."""

    host: str
    port: int
    token: str | None = None
    open: bool = False
    allow_hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()

    def check(self) -> None:
        """Raises FullconvError if other machines could use the server without a token, unless `open` allows it, or if a
        website is not named as browsers name it."""
        if not self.is_local and not self.token and not self.open:
            raise FullconvError(
                f"--host {self.host}: anyone who can reach this machine could use the server; "
                "add --token TOKEN, or --open if this is intended"
            )
        for origin in self.origins:
            if not ORIGIN.fullmatch(origin):
                raise UnknownValue(
                    f"--cors {origin}: give a website as browsers name it, such as https://a.example or "
                    "http://localhost:3000, without a path"
                )

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host in (*LOCAL, "::1")

    def names(self) -> tuple[str, ...]:
        """Returns the host names that requests may use; empty if any is allowed."""
        local = LOCAL if self.is_local else ()
        return (*local, *self.allow_hosts) if local or self.allow_hosts else ()

    def address(self, port: int) -> str:
        """Returns the address of the page on this port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{port}"

    def bind(self) -> socket.socket:
        """Returns a listening socket. Raises FullconvError if the port is in use or the address is not local."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        try:
            bound = socket.create_server((self.host, self.port), family=family, backlog=BACKLOG)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error
            raise FullconvError(
                f"--host {self.host} --port {self.port}: {reason}; choose another port, or 0 for any free one"
            ) from None
        # asyncio sets TCP_NODELAY only if the socket's protocol number is TCP. Without it, the body of each answer
        # would wait about 40 ms until the client has acknowledged the header.
        return socket.socket(bound.family, bound.type, socket.IPPROTO_TCP, fileno=bound.detach())
