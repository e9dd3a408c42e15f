"""The same photos through several models, side by side with the truth: the paper's figures 4 and 6."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fullconv.classes import Classes
from fullconv.figures.canvas import MUTED, RULE, Canvas
from fullconv.segmentation import Segmentation

SIDE, GAP, TOP, WIDTH = 16, 8, 56, 1000  # pixels: margin, between pictures, above them, of the page

LabelMap = NDArray[np.uint8]


@dataclass(frozen=True)
class Rung:
    """A column: a model's title, its label maps of the photos, and its mean IoU (0–1) where that is known."""

    title: str
    label_maps: Sequence[LabelMap]
    mean_iou: float | None = None


def draw_ladder(
    photos: Sequence[NDArray[np.uint8]], rungs: Sequence[Rung], truths: Sequence[LabelMap] | None, classes: Classes
) -> Canvas:
    """A row a photo: itself, what each model makes of it, and the truth where there is one; classes by colour below."""
    columns = [Rung("photo", [])] + list(rungs) + ([Rung("truth", truths)] if truths else [])
    across = (WIDTH - 2 * SIDE - GAP * (len(columns) - 1)) / len(columns)
    tops = [TOP]
    for photo in photos:
        tops.append(tops[-1] + round(across * photo.shape[0] / photo.shape[1]) + GAP)
    numbers = tops[-1]
    canvas = Canvas(WIDTH, numbers + 72)
    for i, column in enumerate(columns):
        x = SIDE + i * (across + GAP)
        canvas.text(x + across / 2, 24, column.title, 15, "center", bold=True)
        pictures = [coloured(labels, classes) for labels in column.label_maps] or list(photos)
        for j, picture in enumerate(pictures):
            down = tops[j + 1] - tops[j] - GAP
            canvas.picture(picture, x, tops[j], across, down)
            canvas.box(x, tops[j], across, down, edge=RULE, line=0.5)
        if column.mean_iou is not None:
            where = "" if truths else " on val"
            canvas.text(x + across / 2, numbers + 4, f"mean IoU{where} {column.mean_iou:.3f}", 13, "center")
    shown = [labels for column in columns for labels in column.label_maps]
    _draw_classes(canvas, classes, shown, numbers + 38)
    return canvas


def coloured(labels: LabelMap, classes: Classes) -> NDArray[np.uint8]:
    """(H, W) → (H, W, 3) in the classes' colours."""
    blank = np.zeros((*labels.shape, 3), np.uint8)
    return np.asarray(Segmentation(blank, labels, classes).label_picture().convert("RGB"))


def _draw_classes(canvas: Canvas, classes: Classes, shown: Sequence[LabelMap], y: float) -> None:
    present = sorted(set().union(*(np.unique(labels).tolist() for labels in shown)))
    x = float(SIDE)
    for index in present:
        name = "void" if index == classes.void else classes.names[index]
        red, green, blue = classes.palette()[index]
        canvas.box(x, y - 1, 13, 13, fill=f"#{red:02x}{green:02x}{blue:02x}")
        canvas.text(x + 19, y, name, 13, colour=MUTED)
        x += 44 + 7.6 * len(name)
