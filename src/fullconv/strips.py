"""Large pictures a few rows at a time: what is needed on the way is then as large as a strip, not as the picture."""

from __future__ import annotations

from collections.abc import Iterator

PIXELS = 2**20  # of a strip


def strips(size: tuple[int, ...]) -> Iterator[slice]:
    """Rows that together are a picture of (height, width), from the top."""
    height, width = size
    rows = max(1, PIXELS // max(1, width))
    for start in range(0, height, rows):
        yield slice(start, min(start + rows, height))
