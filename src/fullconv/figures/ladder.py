"""Shows the same photos through several models, side by side with the truth: the paper's figures 4 and 6."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fullconv import overlay
from fullconv.classes import Classes, LabelMap
from fullconv.figures.canvas import INK, MUTED, RULE, Canvas

SIDE, GAP, TOP, WIDTH = 16, 8, 56, 1100  # pixels: margin, between pictures, above them, page
LEGEND = 38  # pixels, height of the line of classes
PART = 3  # the photo's shorter side is this many times that of a detail
OPACITY = 0.5

Image = NDArray[np.uint8]
Square = tuple[slice, slice]


@dataclass(frozen=True)
class Rung:
    """A column: the title of a model, its label maps of the photos, and the text below, such as its mean IoU."""

    title: str
    label_maps: Sequence[LabelMap]
    below: Sequence[str] = ()


def draw_ladder(
    photos: Sequence[Image], rungs: Sequence[Rung], truths: Sequence[LabelMap] | None, classes: Classes
) -> Canvas:
    """Draws two rows per photo: the photo, the result of each model, and the truth if it is known; below them a detail,
    the place where the first model differs most from the truth, or else from the last model."""
    columns = [*rungs, *([Rung("truth", truths)] if truths else [])]
    across = (WIDTH - 2 * SIDE - GAP * len(columns)) / (len(columns) + 1)
    tops = _row_tops(photos, across)
    lines = max(len(column.below) for column in columns)
    canvas = Canvas(WIDTH, tops[-1] + 19 * lines + LEGEND)
    for i, title in enumerate(["photo", *(column.title for column in columns)]):
        canvas.text(_left(i, across) + across / 2, 24, title, 15, "center", bold=True)
    for j, photo in enumerate(photos):
        detail = _worst_square(rungs[0].label_maps[j], (truths or rungs[-1].label_maps)[j], classes.void)
        for i, labels in enumerate([None, *(column.label_maps[j] for column in columns)]):
            painted = photo if labels is None else laid_over(photo, labels, classes)
            part = photo[detail] if labels is None else laid_over(photo[detail], labels[detail], classes)
            _draw_photo(canvas, painted, part, detail, _left(i, across), tops[j], across)
    for i, column in enumerate(columns):
        for k, line in enumerate(column.below):
            x, y = _left(i + 1, across) + across / 2, tops[-1] + 4 + 19 * k
            canvas.text(x, y, line, 13, "center", INK if k == 0 else MUTED)
    _draw_classes(canvas, classes, [labels for c in columns for labels in c.label_maps], canvas.height - 28)
    return canvas


def laid_over(photo: Image, labels: LabelMap, classes: Classes) -> Image:
    """(H, W, 3): the class colours over the photo, with outlines. Void is left unchanged, like background."""
    known = np.where(labels == classes.void, np.uint8(0), labels)
    return np.asarray(overlay.painted(photo, known, classes, OPACITY, outlined=True))


def _left(column: int, across: float) -> float:
    return SIDE + column * (across + GAP)


def _row_tops(photos: Sequence[Image], across: float) -> list[float]:
    """Returns the top of each photo, below which its detail lies, and the bottom of all."""
    tops = [float(TOP)]
    for photo in photos:
        tops.append(tops[-1] + round(across * photo.shape[0] / photo.shape[1]) + across + 3 * GAP)
    return tops


def _draw_photo(
    canvas: Canvas, photo: Image, part: Image, detail: Square, x: float, y: float, across: float
) -> None:  # fmt: skip
    """Draws a photo, the frame of its detail, and the enlarged detail below."""
    down = round(across * photo.shape[0] / photo.shape[1])
    canvas.picture(photo, x, y, across, down)
    canvas.box(x, y, across, down, edge=RULE, line=0.5)
    scale, (rows, columns) = across / photo.shape[1], detail
    side = scale * (rows.stop - rows.start)
    canvas.box(x + scale * columns.start, y + scale * rows.start, side, side, edge="#ffffff", line=1.5)
    canvas.picture(part, x, y + down + GAP, across, across)
    canvas.box(x, y + down + GAP, across, across, edge=RULE, line=0.5)


def _worst_square(labels: LabelMap, reference: LabelMap, void: int) -> Square:
    """Returns the square, a part of the photo, with the most pixels in which the two differ."""
    side = max(1, min(labels.shape) // PART)
    wrong = (labels != reference) & (reference != void)
    sums = np.pad(wrong.astype(np.int64), ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    inside = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    row, column = (int(i) for i in np.unravel_index(inside.argmax(), inside.shape))
    return slice(row, row + side), slice(column, column + side)


def _draw_classes(canvas: Canvas, classes: Classes, shown: Sequence[LabelMap], y: float) -> None:
    present = sorted(set().union(*(np.unique(labels).tolist() for labels in shown)) - {classes.void})
    x = float(SIDE)
    for index in present:
        name = classes.names[index]
        if index or name != "background":  # the photo itself is visible there
            red, green, blue = overlay.colours(classes)[index]
            canvas.box(x, y - 1, 13, 13, fill=f"#{red:02x}{green:02x}{blue:02x}")
            canvas.text(x + 19, y, name, 13, colour=MUTED)
            x += 44 + 7.6 * len(name)
