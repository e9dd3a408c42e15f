"""The memory that a picture needs from reading to writing, estimated before it is decoded."""

from __future__ import annotations

from math import ceil

from fullconv import images
from fullconv.errors import FullconvError, argument
from fullconv.images import Source

PHOTO = 12  # bytes per pixel of an 8-bit picture, from reading to writing; docs/performance.md has the peaks
SCORE = 8  # per class and pixel, an estimate: single precision, and half precision as they are written
SOFT = 8  # per pixel, an estimate, where scores at the size the network saw are enlarged
G, M = 10**9, 10**6


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
