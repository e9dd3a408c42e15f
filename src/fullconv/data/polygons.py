"""Outlines → pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def fill(points: Sequence[Sequence[float]], height: int, width: int) -> NDArray[np.bool_]:
    """(height, width): the pixels whose centre lies within the polygon of (x, y) corners, by the even-odd rule.

    Pixel (0, 0) covers 0 to 1 both ways. Every edge toggles, in the rows that it crosses, all that lies to its right.
    """
    filled = np.zeros((height, width), bool)
    corners = np.array(points, float)
    lowest, highest = np.floor(corners.min(0)), np.ceil(corners.max(0))
    (left, top), (right, bottom) = (b.clip(0, (width, height)).astype(int).tolist() for b in (lowest, highest))
    toggles = np.zeros((bottom - top, right - left + 1), bool)  # within the polygon's box
    for start, end in zip(corners, np.roll(corners, -1, 0), strict=True):
        (x0, y0), (x1, y1) = sorted((start.tolist(), end.tolist()), key=lambda corner: corner[1])
        rows = np.arange(max(top, np.ceil(y0 - 0.5)), min(bottom, np.ceil(y1 - 0.5)), dtype=np.int64)
        if rows.size:
            x = x0 + (rows + 0.5 - y0) * (x1 - x0) / (y1 - y0)
            toggles[rows - top, np.ceil(x - 0.5).clip(left, right).astype(np.int64) - left] ^= True
    filled[top:bottom, left:right] = np.logical_xor.accumulate(toggles[:, :-1], axis=1)
    return filled
