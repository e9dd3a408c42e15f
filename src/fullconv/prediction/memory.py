"""How much of the machine's memory a prediction may take."""

from __future__ import annotations

import os
from pathlib import Path

SHARE = 4  # a prediction takes a quarter of what is available; readers, writers and the rest of the machine go on
UNKNOWN = 4 * 2**30  # bytes, where the system does not tell
MEMINFO, GROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")


def budget() -> int:
    """Bytes that a prediction may take."""
    return int(min(_machine(), _container())) // SHARE


def _machine() -> int:
    """What programs can have without swapping."""
    try:
        lines = dict(line.split(":") for line in MEMINFO.read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
        return UNKNOWN


def _container() -> int | float:
    """What a container's limit leaves; infinite without a limit."""
    try:
        limit = (GROUP / "memory.max").read_text().strip()
        used = (GROUP / "memory.current").read_text()
        return float("inf") if limit == "max" else max(int(limit) - int(used), 0)
    except (OSError, ValueError):
        return float("inf")
