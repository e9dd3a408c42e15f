"""A request that is not answered: why, and what to do."""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """`status` of HTTP, `reason` in one word for programs and metrics, and one line for people."""

    def __init__(self, status: int, reason: str, message: str, retry_after: int | None = None) -> None:
        super().__init__(status, reason, message, retry_after)  # all of it, so that it can go from process to process
        self.status, self.reason, self.message, self.retry_after = status, reason, message, retry_after

    def to_json(self) -> dict[str, Any]:
        return {"error": self.message, "reason": self.reason}

    @property
    def headers(self) -> dict[str, str]:
        """Seconds to wait before the next try, where trying again makes sense."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
