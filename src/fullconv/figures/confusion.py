"""Draws a confusion matrix: each row shows how the pixels of a class were classified."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fullconv.figures.canvas import INK, MUTED, PAPER, Canvas, shades

SIDE, TOP, NARROWEST = 20, 66, 400  # pixels: margin, above the matrix, the whole picture
LETTER = 0.56  # width of a letter relative to the text's height
READABLE = 30  # pixels: smaller cells contain no number
SLANT = 0.6  # rise of a name above the columns, relative to its length


def draw_confusion(matrix: Sequence[Sequence[int]] | NDArray[np.int64], names: Sequence[str], title: str) -> Canvas:
    """`matrix` (classes, classes) contains pixels, with a row per true class. Shows shares of each row, in percent.

    The row of a class without true pixels stays white, because it has no shares.
    """
    shares = row_shares(np.asarray(matrix, np.int64))
    cell = max(9, min(56, 900 // len(names)))
    letter = min(13, cell * 0.8)
    longest = LETTER * letter * max(len(name) for name in names)
    left, top = SIDE + longest + 26, TOP + SLANT * longest + 18
    width = left + len(names) * cell + SIDE + SLANT * longest
    canvas = Canvas(max(width, NARROWEST, 2 * SIDE + 10 * len(title)), top + len(names) * cell + SIDE)
    canvas.text(SIDE, 18, title, 15, bold=True)
    canvas.text(SIDE, 40, "rows: truth, columns: prediction; percent of the row", 12, colour=MUTED)
    colours = shades(np.sqrt(np.nan_to_num(shares)), 0, 1)  # the root makes small shares visible, which are the errors
    colours[np.isnan(shares)] = 255
    canvas.picture(colours, left, top, len(names) * cell)
    for i, name in enumerate(names):
        middle = (i + 0.5) * cell - letter / 2
        canvas.text(left - 8, top + middle, name, letter, "right")
        canvas.slanted_text(left + middle + letter / 2, top - 6, name, letter)
    if cell >= READABLE:
        _write_shares(canvas, shares, left, top, cell)
    return canvas


def row_shares(matrix: NDArray[np.int64]) -> NDArray[np.float64]:
    """Each row divided by its sum; NaN where that is zero."""
    total = matrix.sum(1, keepdims=True)
    return np.where(total > 0, matrix / np.maximum(total, 1), np.nan)


def _write_shares(canvas: Canvas, shares: NDArray[np.float64], left: float, top: float, cell: float) -> None:
    size = min(13.0, cell * 0.34)
    for (row, column), share in np.ndenumerate(shares):
        if share > 0:  # false for NaN
            words = f"{100 * share:.0f}" if share >= 0.0095 else "<1"
            colour = INK if share > 0.4 else PAPER  # large shares are yellow, small ones blue
            x, y = left + (column + 0.5) * cell, top + (row + 0.5) * cell - size / 2
            canvas.text(x, y, words, size, "center", colour)
