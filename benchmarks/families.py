"""A process and all that it started, as Linux tells of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

HERTZ = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> Iterator[int]:
    yield pid
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # it ended meanwhile
            for child in tasks.read_text().split():
                yield from family(int(child))


def cpu_seconds(pid: int) -> float:
    """Of all of them, and of those that ended and were waited for."""
    total = 0
    for one in family(pid):
        with suppress(OSError):
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, fields[11:15]))  # own and ended children's, user and system
    return total / HERTZ
