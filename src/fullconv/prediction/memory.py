"""The memory that a picture needs, estimated before it is decoded, and how much a process may take and gives back."""

from __future__ import annotations

import ctypes
import os
import re
from contextlib import suppress
from math import ceil
from pathlib import Path

from fullconv import images
from fullconv.errors import FullconvError, argument
from fullconv.images import Source

SHARE = 4  # a prediction takes a quarter of what is available; readers, writers and the rest of the machine go on
PICTURES = 2  # pictures under way take half of it, where nobody says how much the process may have
NETWORK = 200 * 2**20  # bytes that a network of the usual size takes as it is compiled and run
UNKNOWN = 4 * 2**30  # bytes, where the system does not tell
PHOTO = 12  # bytes per pixel of an 8-bit picture, from reading to writing; docs/performance.md has the peaks
SCORE = 8  # per class and pixel, an estimate: single precision, and half precision as they are written
SOFT = 8  # per pixel, an estimate, where scores at the size the network saw are enlarged
G, M = 10**9, 10**6
MEMINFO, GROUP, OWN_GROUPS = Path("/proc/meminfo"), Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
STATM = Path("/proc/self/statm")
# Of a container: its limit, what it uses, and what of that is files that the system drops when memory is short.
NAMES = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)

_allowed: int | None = None  # bytes of the whole process, where somebody said so


def allow(size: int | None) -> None:
    """From now on the process keeps to so many bytes; None: to a share of what the machine or the container has."""
    global _allowed  # noqa: PLW0603
    _allowed = size


def parse_size(text: str) -> int:
    """ "2G", "500M", "1.5GB" or a number of bytes. Raises FullconvError for what is no such size."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if not match or not float(match[1]):
        raise FullconvError(f"{argument('memory', text)}: give a size such as 2G or 500M")
    return int(float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " "))


def bytes_of(source: Source, classes: int, scores: bool = False, soft: bool = False, pages: bool = False) -> int:
    """0 for what cannot be read: whoever reads it says why."""
    try:
        pixels, beyond = images.extent(source, pages)
    except FullconvError:
        return 0
    return pixels * (PHOTO + beyond + (SCORE * classes if scores else 0) + (SOFT if soft else 0))


def refuse_heavy(source: object, need: int, most: int) -> None:
    """Raises FullconvError where a picture needs more memory than pictures may take together."""
    if need > most:
        more = argument("memory", f"{ceil(1.1 * need / G + 0.6)}G")
        raise FullconvError(
            f"{source}: needs {told(need)} of memory and {told(most)} are left for pictures; give {more} where the "
            f"machine has it, or {images.CUT}"
        )


def told(size: int) -> str:
    return f"{size / G:.1f} GB" if size >= G else f"{ceil(size / M)} MB"


def budget() -> int:
    """Bytes that a prediction may take."""
    return available() // SHARE


def for_pictures(size: int | None = None) -> int:
    """Bytes that pictures under way may take together, where the process may have `size` or what `allow` said."""
    size = size or _allowed
    if size is None:
        return available() // PICTURES
    return max(0, min(size - resident() - NETWORK, available()))


def available() -> int:
    """What this process can still have without swapping."""
    left = min(_machine(), _container())
    return int(left if _allowed is None else min(left, max(0, _allowed - resident())))


def resident() -> int:
    """Bytes that the process has now; 0 where the system does not tell."""
    try:
        return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError, AttributeError):
        return 0


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
    """What the limits of containers leave; infinite without a limit."""
    return min((_left(folder) for folder in _groups()), default=float("inf"))


def _groups() -> list[Path]:
    """The folders that tell of this process's container, in either version of control groups."""
    found = [GROUP, GROUP / "memory"]
    try:
        lines = [line.split(":", 2) for line in OWN_GROUPS.read_text().splitlines()]
    except OSError:
        return found
    for _, kinds, path in (line for line in lines if len(line) == 3):
        if kinds in ("", "memory"):
            found.append(GROUP / kinds / path.lstrip("/"))
    return found


def _left(folder: Path) -> int | float:
    for limit_name, used_name, dropped in NAMES:
        try:
            limit = (folder / limit_name).read_text().strip()
            used = int((folder / used_name).read_text())
            return float("inf") if limit == "max" else max(int(limit) - used + _files(folder, dropped), 0)
        except (OSError, ValueError):
            continue
    return float("inf")


def _files(folder: Path, name: str) -> int:
    try:
        lines = dict(line.split(" ", 1) for line in (folder / "memory.stat").read_text().splitlines())
        return int(lines.get(name, 0))
    except (OSError, ValueError):
        return 0


def give_back() -> None:
    """Returns to the system what was freed and the C library still holds, where it can; it takes some milliseconds."""
    with suppress(OSError, AttributeError, TypeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)
