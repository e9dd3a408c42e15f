"""Shows what one score can see of a photo by the geometry of the layers, and what it uses by its gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from torch import nn

from fullconv.errors import FullconvError
from fullconv.figures.anatomy import stage_ends
from fullconv.figures.canvas import INK, MUTED, RULE, Canvas, shades
from fullconv.figures.maps import influence
from fullconv.models.geometry import Window
from fullconv.models.tracing import Step, trace

WIDTH, SIDE, PANEL, TOP = 1000, 16, 474, 100  # pixels: page, margin, side of a panel, above the panels
COLOURS = ("#0b7285", "#2b8a3e", "#b08800", "#d9480f", "#c2255c", "#5f3dc4")
SHARES = (0.5, 0.9)

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Field:
    """The pixels, from `top`, `left` to `bottom`, `right` inclusive, that a position at the centre of the photo
    sees."""

    name: str
    top: float
    left: float
    bottom: float
    right: float
    whole: bool = False

    @property
    def size(self) -> str:
        return "everything" if self.whole else f"{self.right - self.left + 1:.0f} px"


def draw_receptive_field(network: nn.Module, name: str, photos: Sequence[Image], trained: bool = True) -> Canvas:
    """On the left, draws the windows of the stages and of a pixel's scores. On the right, draws what changes these
    scores, and within which distance half and nine tenths of it lie. Photos after the first are resized to it and
    averaged. A network that is not `trained` uses nothing, and has only the left side. Raises FullconvError for a
    trained network that gives the same scores for every photo."""
    photo = photos[0]
    height, width = photo.shape[:2]
    steps = trace(network, height, width)
    fields = [field_of(step, f"stride {step.rows.stride}", height, width) for step in stage_ends(steps)]
    fields.append(field_of(steps[-1], "a pixel's scores", height, width))
    canvas = Canvas(WIDTH, TOP + PANEL + (24 * len(fields) if trained else 0) + 40)
    canvas.text(SIDE, 14, f"{name}: which pixels decide the centre of a {width}x{height} photo", 17, bold=True)
    _draw_theory(canvas, photo, fields)
    _draw_fields(canvas, fields, *((SIDE, TOP + PANEL + 20) if trained else (WIDTH - SIDE - PANEL, TOP)))
    if trained:
        alike = [fitted(other, width, height) for other in photos]
        seen = np.mean([influence(network, other, height // 2, width // 2) for other in alike], 0)
        if not seen.any():
            raise FullconvError(
                f"the scores of {name} do not depend on any pixel; train the network, or use a trained one"
            )
        _draw_practice(canvas, photo, seen, len(photos))
    return canvas


def field_of(step: Step, name: str, height: int, width: int) -> Field:
    """Returns what the position of the map nearest to the centre of the photo sees."""
    if step.whole:
        return Field(name, 0, 0, height - 1, width - 1, whole=True)
    (top, bottom), (left, right) = (
        _span(window, length / 2) for window, length in ((step.rows, height), (step.columns, width))
    )
    return Field(name, top, left, bottom, right)


def _span(window: Window, middle: float) -> tuple[int, int]:
    position = round((middle - float(window.middle)) / float(window.stride))
    return math.ceil(window.stride * position + window.first), math.floor(window.stride * position + window.last)


def side_holding(seen: NDArray[np.float32], share: float) -> int:
    """Returns the side of the smallest square around the centre with a `share` of all influence; odd, cut at the
    frame."""
    height, width = seen.shape
    rows, columns = np.abs(np.arange(height) - height // 2), np.abs(np.arange(width) - width // 2)
    distance = np.maximum(rows[:, None], columns[None, :])
    within = np.cumsum(np.bincount(distance.ravel(), seen.ravel()))
    return 2 * int(np.searchsorted(within, share * within[-1])) + 1


def fitted(image: Image, width: int, height: int) -> Image:
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(Pillow.fromarray(image).resize((width, height), Pillow.Resampling.LANCZOS))


def _draw_theory(canvas: Canvas, photo: Image, fields: Sequence[Field]) -> None:
    height, width = photo.shape[:2]
    top, left = min(0, *(f.top for f in fields)), min(0, *(f.left for f in fields))
    bottom, right = max(height, *(f.bottom + 1 for f in fields)), max(width, *(f.right + 1 for f in fields))
    scale = PANEL / max(bottom - top, right - left)
    x0 = SIDE + (PANEL - scale * (right - left)) / 2 - scale * left
    y0 = TOP + (PANEL - scale * (bottom - top)) / 2 - scale * top
    canvas.text(SIDE, 48, "can see", 14, bold=True)
    canvas.text(SIDE, 70, "from kernels, strides and padding; outside the photo is padding", 12.5, colour=MUTED)
    canvas.picture(photo, x0, y0, width * scale, height * scale)
    for i, field in reversed(list(enumerate(fields))):
        wide, tall = field.right - field.left + 1, field.bottom - field.top + 1
        colour = COLOURS[i % len(COLOURS)]
        canvas.box(x0 + scale * field.left, y0 + scale * field.top, scale * wide, scale * tall, edge=colour, line=2)


def _draw_fields(canvas: Canvas, fields: Sequence[Field], x: float, y: float) -> None:
    for i, field in enumerate(fields):
        _draw_key(canvas, x, y + 24 * i, COLOURS[i % len(COLOURS)], f"{field.name}: {field.size}")


def _draw_practice(canvas: Canvas, photo: Image, seen: NDArray[np.float32], count: int) -> None:
    height, width = photo.shape[:2]
    x, scale = WIDTH - SIDE - PANEL, PANEL / max(height, width)
    y = TOP + (PANEL - scale * height) / 2
    over = f"classes and {count} photos" if count > 1 else "classes"
    canvas.text(x, 48, "looks at", 14, bold=True)
    canvas.text(x, 70, f"gradient of that pixel's scores, averaged over {over}", 12.5, colour=MUTED)
    canvas.picture(glowing(photo, seen), x, y, scale * width, scale * height)
    for i, (share, colour) in enumerate(zip(SHARES, ("#ffffff", "#ffd33d"), strict=True)):
        side = side_holding(seen, share)
        box = clipped(side, height, width)
        canvas.box(x + scale * box[0], y + scale * box[1], scale * box[2], scale * box[3], edge=colour, line=2)
        words = f"{share:.0%} of the influence: {side} px around the centre"
        _draw_key(canvas, x, TOP + PANEL + 20 + 24 * i, colour, words)


def clipped(side: int, height: int, width: int) -> tuple[int, int, int, int]:
    """(left, top, width, height) of a square of `side` around the centre, inside the frame."""
    left, top = max(0, width // 2 - side // 2), max(0, height // 2 - side // 2)
    return left, top, min(width, width // 2 + side // 2 + 1) - left, min(height, height // 2 + side // 2 + 1) - top


def glowing(photo: Image, seen: NDArray[np.float32]) -> Image:
    """Returns the photo in dark grey, coloured by the influence. Its square root makes faint surroundings visible."""
    grey = np.asarray(Pillow.fromarray(photo).convert("L"), np.float32)[..., None] * 0.6
    strength = np.sqrt(seen / max(float(np.percentile(seen, 99.9)), 1e-12)).clip(0, 1)
    return (grey * (1 - strength[..., None]) + shades(strength, 0, 1) * strength[..., None]).astype(np.uint8)


def _draw_key(canvas: Canvas, x: float, y: float, colour: str, words: str) -> None:
    canvas.box(x, y - 1, 12, 12, fill=colour, edge=RULE)
    canvas.text(x + 20, y, words, 13, colour=INK)
