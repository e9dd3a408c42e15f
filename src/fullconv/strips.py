"""Divides large pictures into strips of a few rows, so that temporary arrays are never as large as the picture."""

from __future__ import annotations

from collections.abc import Iterator

PIXELS = 2**20  # per strip


def strips(size: tuple[int, ...]) -> Iterator[slice]:
    """Yields slices of rows, from the top, that together cover a picture of (height, width)."""
    height, width = size
    rows = max(1, PIXELS // max(1, width))
    for start in range(0, height, rows):
        yield slice(start, min(start + rows, height))
