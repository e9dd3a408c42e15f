"""Fills outlines with pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from fullconv.errors import FullconvError

FAR = 1e6  # pixels; anything farther out is a mistake, and overflows
AT_ONCE = 2**20  # crossings of edges and rows that are processed together
MOST = 2**25  # crossings of one outline: a thousand edges in each row of a picture of 32 000 rows

Numbers = NDArray[np.float64]
Counts = NDArray[np.int64]


def fill(points: Sequence[Sequence[float]] | Numbers, height: int, width: int) -> NDArray[np.bool_]:
    """(height, width): the pixels whose centre lies inside the polygon of (x, y) corners, by the even-odd rule.

    Pixel (0, 0) covers 0 to 1 in both directions. In each row that an edge crosses, it toggles every pixel to its
    right. Raises FullconvError for corners that are not numbers or are far outside, and for more crossings than real
    outlines have.
    """
    filled = np.zeros((height, width), bool)
    try:
        corners = np.asarray(points, float)
    except OverflowError:  # an integer of hundreds of digits
        corners = np.array([np.inf])
    if not (np.abs(corners) < FAR).all():  # false for NaN too
        raise FullconvError("a corner that is far outside the picture or not a number")
    lowest, highest = np.floor(corners.min(0)), np.ceil(corners.max(0))
    (left, top), (right, bottom) = (b.clip(0, (width, height)).astype(int).tolist() for b in (lowest, highest))
    toggles = np.zeros((bottom - top, right - left + 1), np.uint8)  # within the polygon's box; odd: inside
    for rows, x in _crossings(corners, top, bottom):
        columns = np.ceil(x - 0.5).clip(left, right).astype(np.int64)
        np.add.at(toggles.reshape(-1), (rows - top) * toggles.shape[1] + columns - left, 1)
    filled[top:bottom, left:right] = np.bitwise_xor.accumulate(toggles[:, :-1] & 1, axis=1)
    return filled


def _crossings(corners: Numbers, top: int, bottom: int) -> Iterator[tuple[Counts, Numbers]]:
    """Yields (rows, x) where edges cross the centre of rows between top and bottom, some edges at a time."""
    start, end = corners, np.roll(corners, -1, 0)
    downwards = (start[:, 1] <= end[:, 1])[:, None]
    upper, lower = np.where(downwards, start, end), np.where(downwards, end, start)
    first = np.ceil(upper[:, 1] - 0.5).clip(min=top).astype(np.int64)
    last = np.ceil(lower[:, 1] - 0.5).clip(max=bottom).astype(np.int64)
    counts = (last - first).clip(0)
    if counts.sum() > MOST:
        raise FullconvError(f"an outline of {len(corners)} corners that crosses itself too often; simplify it")
    for some in _portions(np.flatnonzero(counts), counts):
        yield _of_edges(upper[some], lower[some], first[some], counts[some])


def _of_edges(upper: Numbers, lower: Numbers, first: Counts, counts: Counts) -> tuple[Counts, Numbers]:
    # position of a row along its edge
    ordinal = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    rows = np.repeat(first, counts) + ordinal
    (x0, y0), (x1, y1) = (np.repeat(ends, counts, axis=0).T for ends in (upper, lower))
    return rows, x0 + (rows + 0.5 - y0) * (x1 - x0) / (y1 - y0)


def _portions(edges: Counts, counts: Counts) -> Iterator[Counts]:
    """Yields the edges in order, about AT_ONCE crossings at a time."""
    if len(edges):
        portion = np.cumsum(counts[edges]) // AT_ONCE
        yield from np.split(edges, np.flatnonzero(np.diff(portion)) + 1)
