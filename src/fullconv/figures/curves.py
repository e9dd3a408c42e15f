"""Draws the course of a run: loss, scores and learning rate over its epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fullconv.figures.canvas import MUTED, Canvas

# pixels: panel width and height, margins, above, between panels
WIDTH, HEIGHT, SIDE, TOP, BETWEEN = 900, 170, 64, 56, 46
PANELS = (("loss", "val_loss"), ("mean_iou", "boundary_iou", "pixel_accuracy"), ("lr",))
NAMES = {"loss": "training loss", "val_loss": "loss on val", "lr": "learning rate"}
COLOURS = ("#1f77b4", "#d62728", "#7f7f7f")

History = Sequence[Mapping[str, Any]]  # the lines of log.jsonl


def draw_curves(history: History, title: str) -> Canvas:
    """Draws a panel for the loss, one for the results on val, and one for the learning rate, with epochs along x.

    `history` is the content of log.jsonl. Numbers that no epoch has get no panel.
    """
    panels = [[key for key in keys if any(key in entry for entry in history)] for keys in PANELS]
    panels = [keys for keys in panels if keys]
    canvas = Canvas(WIDTH, TOP + len(panels) * (HEIGHT + BETWEEN))
    canvas.text(SIDE, 16, title, 15, bold=True)
    for i, keys in enumerate(panels):
        y = TOP + i * (HEIGHT + BETWEEN)
        axes = canvas.chart(SIDE, y, WIDTH - SIDE - 200, HEIGHT)
        for j, key in enumerate(keys):
            _draw_curve(axes, history, key, COLOURS[j])
            _name_curve(canvas, WIDTH - 184, y + 8 + 38 * j, history, key, COLOURS[j])
        _set_range(axes, keys, len(history))
    canvas.text(SIDE + (WIDTH - SIDE - 200) / 2, canvas.height - 22, "epoch", 12, "center", MUTED)
    return canvas


def _draw_curve(axes: Any, history: History, key: str, colour: str) -> None:
    measured = [(entry["epoch"], entry[key]) for entry in history if entry.get(key) is not None]
    style = {"marker": "o", "markersize": 3} if len(measured) <= 40 else {}
    axes.plot(*zip(*measured, strict=True), color=colour, linewidth=1.5, **style)


def _name_curve(canvas: Canvas, x: float, y: float, history: History, key: str, colour: str) -> None:
    """Draws the name of a curve, and its last or best number."""
    measured = [(entry[key], entry["epoch"]) for entry in history if entry.get(key) is not None]
    if key in ("loss", "val_loss", "lr"):
        words = f"last {measured[-1][0]:.3g}"
    else:
        words = f"best {max(measured)[0]:.3f}, epoch {max(measured)[1]}"
    canvas.text(x, y, NAMES.get(key, key.replace("_", " ").replace("iou", "IoU")), 13, colour=colour, bold=True)
    canvas.text(x, y + 17, words, 12, colour=MUTED)


def _set_range(axes: Any, keys: Sequence[str], epochs: int) -> None:
    axes.set_xlim(0.5, epochs + 0.5)
    axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    axes.grid(axis="y", color="#e6e8eb", linewidth=0.8)
    if keys[0] not in ("loss", "lr"):
        axes.set_ylim(0, 1)
    elif keys[0] == "lr":
        axes.set_ylim(bottom=0)
        axes.ticklabel_format(axis="y", scilimits=(-2, 4))  # leaves room even for 1e-14
