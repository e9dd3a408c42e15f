"""Shows what every stage of a network computes from one photo, and the scores at the end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import nn

from fullconv.figures.anatomy import stage_ends
from fullconv.figures.canvas import INK, MUTED, RULE, Canvas, shades
from fullconv.figures.maps import maps_of, within_photo
from fullconv.models.tracing import Step, trace

WIDTH, SIDE, GAP, LEFT = 1000, 16, 10, 150  # pixels: page, margin, between maps, column of text
CHANNELS = 5


def draw_features(network: nn.Module, name: str, image: NDArray[np.uint8], classes: Sequence[str]) -> Canvas:
    """Draws a row per stage, with the channels that vary most over the photo, then the scores of the classes found in
    it."""
    height, width = image.shape[:2]
    ends = stage_ends(trace(network, height, width))
    maps, scores = maps_of(network, image, [end.module for end in ends])
    across = (WIDTH - 2 * SIDE - LEFT - CHANNELS * GAP) / (CHANNELS + 1)
    row = across * height / width + 40
    canvas = Canvas(WIDTH, 56 + row * (len(ends) + 1))
    canvas.text(SIDE, 14, f"{name}: what each stage sees in a photo of {width}x{height}", 17, bold=True)
    for i, end in enumerate(ends):
        y = 56 + row * i
        _describe(canvas, y, f"stride {end.rows.stride}", _words(end))
        values = within_photo(maps[end.module], end, height, width)
        for j, channel in enumerate(most_varied(values, CHANNELS + 1)):
            low, high = np.percentile(values[channel], (1, 99))
            x = LEFT + SIDE + j * (across + GAP)
            _draw_map(canvas, shades(values[channel], low, high), x, y, across, row - 40)
            canvas.text(x, y + row - 37, f"channel {channel}", 12, colour=MUTED)
    _draw_scores(canvas, image, scores, classes, 56 + row * len(ends), across, row - 40)
    return canvas


def most_varied(maps: NDArray[np.float32], count: int) -> list[int]:
    """Returns the channels of (C, h, w) whose values vary most over the map, the most varied first."""
    spread = maps.reshape(len(maps), -1).std(1)
    return [int(i) for i in np.argsort(-spread, kind="stable")[:count]]


def found_first(scores: NDArray[np.float32]) -> list[int]:
    """Returns classes by the number of pixels that they win, then by their highest score."""
    won = np.bincount(scores.argmax(0).ravel(), minlength=len(scores))
    best = scores.reshape(len(scores), -1).max(1)
    return [int(i) for i in np.lexsort((-best, -won))]


def _draw_scores(
    canvas: Canvas, image: NDArray[np.uint8], scores: NDArray[np.float32], classes: Sequence[str],
    y: float, across: float, down: float,
) -> None:  # fmt: skip
    _describe(canvas, y, "scores", [f"{len(scores)} classes,", "the best-fitting", "of them"])
    low, high = float(scores.min()), float(scores.max())
    for j, index in enumerate(found_first(scores)[:CHANNELS]):
        x = LEFT + SIDE + j * (across + GAP)
        _draw_map(canvas, shades(scores[index], low, high), x, y, across, down)
        canvas.text(x, y + down + 3, classes[index], 12)
    x = LEFT + SIDE + CHANNELS * (across + GAP)
    _draw_map(canvas, image, x, y, across, down)
    canvas.text(x, y + down + 3, "the photo", 12)


def _draw_map(canvas: Canvas, image: NDArray[np.uint8], x: float, y: float, across: float, down: float) -> None:
    canvas.picture(image, x, y, across, down)
    canvas.box(x, y, across, down, edge=RULE, line=0.5)


def _describe(canvas: Canvas, y: float, title: str, words: Sequence[str]) -> None:
    canvas.text(SIDE, y, title, 14, colour=INK, bold=True)
    for i, line in enumerate(words):
        canvas.text(SIDE, y + 22 + 17 * i, line, 12.5, colour=MUTED)


def _words(end: Step) -> list[str]:
    size = f"{end.shape[3]}x{end.shape[2]}"
    return [f"{end.shape[1]} channels", f"of {size}", "sees everything" if end.whole else f"sees {end.rows.size} px"]
