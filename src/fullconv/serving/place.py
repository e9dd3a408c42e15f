"""Where a server listens, and who may ask it."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass

from fullconv.errors import FullconvError

LOCAL = ("localhost", "127.0.0.1", "[::1]")
BACKLOG = 2048  # connections that wait to be taken


@dataclass(frozen=True)
class Place:
    """`open`: other machines may ask without a token. `allow_hosts`: names under which it may be asked; `origins`:
    sites whose pages may ask it."""

    host: str
    port: int
    token: str | None = None
    open: bool = False
    allow_hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()

    def check(self) -> None:
        """Raises FullconvError for a place that everybody could reach without a token."""
        if not self.is_local and not self.token and not self.open:
            raise FullconvError(
                f"--host {self.host}: anyone who can reach this machine could use the server; "
                "add --token TOKEN, or --open if this is intended"
            )

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host in (*LOCAL, "::1")

    def names(self) -> tuple[str, ...]:
        """Under which it may be asked; none for any."""
        local = LOCAL if self.is_local else ()
        return (*local, *self.allow_hosts) if local or self.allow_hosts else ()

    def address(self, port: int) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{port}"

    def bind(self) -> socket.socket:
        """Raises FullconvError where the port is taken, or the address is not this machine's."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        try:
            bound = socket.create_server((self.host, self.port), family=family, backlog=BACKLOG)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error
            raise FullconvError(
                f"--host {self.host} --port {self.port}: {reason}; choose another port, or 0 for any free one"
            ) from None
        # asyncio sends at once (TCP_NODELAY) only where the socket says that it is TCP. Else the body of each answer
        # would wait 40 ms for the client to acknowledge its head.
        return socket.socket(bound.family, bound.type, socket.IPPROTO_TCP, fileno=bound.detach())
