"""The error of a request that cannot be answered: why, and what to do."""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """`status`: of HTTP. `reason`: one word for programs and metrics. `message`: one line for people. `retry_after`:
    seconds to wait before the next try, if trying again makes sense."""

    def __init__(self, status: int, reason: str, message: str, retry_after: int | None = None) -> None:
        super().__init__(status, reason, message, retry_after)  # all values, so that it can be pickled
        self.status, self.reason, self.message, self.retry_after = status, reason, message, retry_after

    def to_json(self) -> dict[str, Any]:
        return {"error": self.message, "reason": self.reason}

    @property
    def headers(self) -> dict[str, str]:
        """The header Retry-After, if there is one."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
