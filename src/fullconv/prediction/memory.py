"""Estimates the memory that a picture needs before it is decoded, and how much memory this process may use."""

from __future__ import annotations

import ctypes
import os
import re
from contextlib import suppress
from math import ceil
from pathlib import Path
from typing import Any

from fullconv import images
from fullconv.errors import FullconvError, UnknownValue, argument

SHARE = 4  # a prediction takes a quarter of the available memory, so that reading, writing and other programs can go on
PICTURES = 2  # pictures in progress take half of the available memory, if no limit is set
NETWORK = 200 * 2**20  # bytes to compile and run a network of the usual size
UNKNOWN = 4 * 2**30  # bytes to assume if the system does not report its memory
PHOTO = 12  # bytes per pixel of an 8-bit picture, from reading to writing; docs/performance.md gives the measured peaks
SCORE = 8  # estimated bytes per class and pixel: scores in single precision, and in half precision when written
SOFT = 8  # estimated bytes per pixel to enlarge scores from the size that the network saw
G, M = 10**9, 10**6
MEMINFO, GROUP, OWN_GROUPS = Path("/proc/meminfo"), Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
STATM = Path("/proc/self/statm")
# A container's files, for each version of control groups: the limit, the memory in use, and the part of it that is
# cached files, which the system drops when memory is short.
NAMES = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)

_allowed: int | None = None  # limit for the whole process in bytes, if one is set


def allow(size: int | None) -> None:
    """Sets the memory limit of this process in bytes. None: a share of the memory of the machine or container."""
    global _allowed  # noqa: PLW0603
    _allowed = size


def parse_size(text: str) -> int:
    """Returns the bytes for "2G", "500M", "1.5GB" or a number of bytes. Raises FullconvError for any other text."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if not match or not float(match[1]):
        raise UnknownValue(f"{argument('memory', text)}: give a size such as 2G or 500M")
    return int(float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " "))


def bytes_of(source: Any, classes: int, scores: bool = False, soft: bool = False, pages: bool = False) -> int:
    """Estimates the bytes that a picture needs. `soft`: scores at the size the network saw are kept; `pages`: all pages
    are read. Returns 0 for an open file, which can be read only once, and if the picture cannot be read, because
    reading it will raise the error."""
    content = bytes(source) if isinstance(source, (bytearray, memoryview)) else source
    try:
        pixels, beyond = images.extent(content, pages)
    except (FullconvError, TypeError):  # the latter for what is no picture
        return 0
    return pixels * (PHOTO + beyond + (SCORE * classes if scores else 0) + (SOFT if soft else 0))


def refuse_heavy(source: object, need: int, most: int) -> None:
    """Raises FullconvError if a picture needs more memory than all pictures together may use."""
    if need > most:
        more = argument("memory", f"{ceil(1.1 * need / G + 0.6)}G")
        raise FullconvError(
            f"{source}: needs {size_in_words(need)} of memory, but only {size_in_words(most)} is left for pictures; "
            f"use {more} if the machine has enough, or {images.CUT}"
        )


def size_in_words(size: int) -> str:
    """2.5 GB, 300 MB"""
    return f"{size / G:.1f} GB" if size >= G else f"{ceil(size / M)} MB"


def budget() -> int:
    """Returns the bytes that one prediction may use."""
    return available() // SHARE


def for_pictures(size: int | None = None) -> int:
    """Returns the bytes that all pictures in progress may use together. `size`: the limit of the process in bytes; None
    for that set by `allow`, if any."""
    size = size or _allowed
    if size is None:
        return available() // PICTURES
    return max(0, min(size - resident() - NETWORK, available()))


def available() -> int:
    """Returns the bytes that this process can still use without swapping."""
    left = min(_machine(), _container())
    return int(left if _allowed is None else min(left, max(0, _allowed - resident())))


def resident() -> int:
    """Returns the bytes that this process uses now, or 0 if the system does not report them."""
    try:
        return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError, AttributeError):
        return 0


def _machine() -> int:
    """Returns the bytes that are available on the machine without swapping."""
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
    """Returns the bytes that the limits of containers leave, or infinity without a limit."""
    return min((_left(folder) for folder in _groups()), default=float("inf"))


def _groups() -> list[Path]:
    """Returns the folders that describe this process's container, for both versions of control groups."""
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
    """Returns freed memory from the C library to the system, where this is possible. It takes some milliseconds."""
    with suppress(OSError, AttributeError, TypeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)
