"""Shows where a classifier finds a class (the paper's figure 2), with a network that was only trained on whole
photos."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageOps
from torch import nn

from fullconv.figures.canvas import MUTED, RULE, Canvas, shades
from fullconv.figures.maps import as_batch
from fullconv.models.config import COARSEST

WIDTH, SIDE, TOP = 1000, 16, 84  # pixels: page, margin, above the panels
CELL = (336, 240)  # width and height of each photo if several are arranged as one picture

Image = NDArray[np.uint8]


def draw_heatmap(classifier: nn.Module, image: Image, name: str, index: int) -> Canvas:
    """Draws the picture, and over it the probability of class `index` at every place of the classifier's coarse map."""
    shares = probability(classifier, image, index)
    height, width = image.shape[:2]
    across = (WIDTH - 3 * SIDE) / 2
    tall = across * height / width
    canvas = Canvas(WIDTH, TOP + tall + 64)
    canvas.text(SIDE, 14, f"Where is the {name}?", 18, bold=True)
    places = f"{shares.shape[1]}x{shares.shape[0]}"
    words = f"EfficientNet-Lite0 classifies whole photos; as convolutions alone, it answers at {places} positions."
    canvas.text(SIDE, 46, words, 13, colour=MUTED)
    canvas.picture(image, SIDE, TOP, across)
    canvas.picture(overlaid(image, shares), 2 * SIDE + across, TOP, across)
    for x in (SIDE, 2 * SIDE + across):
        canvas.box(x, TOP, across, tall, edge=RULE)
    canvas.text(SIDE, TOP + tall + 10, f"{width}x{height} pixels", 13, colour=MUTED)
    _draw_scale(canvas, 2 * SIDE + across, TOP + tall + 12, float(shares.max()), name)
    return canvas


def probability(classifier: nn.Module, image: Image, index: int) -> NDArray[np.float32]:
    """(h, w) 0–1: the probability of class `index` at each place that lies on the image, by the softmax over all
    classes."""
    height, width = image.shape[:2]
    padded = np.pad(image, ((0, -height % COARSEST), (0, -width % COARSEST), (0, 0)), "edge")
    with torch.inference_mode():
        shares = classifier(as_batch(padded))[0].softmax(0)[index].numpy()
    return shares[: math.ceil(height / COARSEST), : math.ceil(width / COARSEST)]


def overlaid(image: Image, shares: NDArray[np.float32]) -> Image:
    """Returns the image in grey under the enlarged map in colours, which are more opaque for larger shares."""
    size = (shares.shape[1] * COARSEST, shares.shape[0] * COARSEST)
    large = np.asarray(Pillow.fromarray(shares).resize(size, Pillow.Resampling.BILINEAR))
    large = large[: image.shape[0], : image.shape[1]] / max(float(shares.max()), 1e-12)
    grey = np.asarray(Pillow.fromarray(image).convert("L"), np.float32)[..., None].repeat(3, 2)
    cover = 0.1 + 0.6 * large.clip(0, 1)[..., None]
    return (grey * (1 - cover) + shades(large, 0, 1) * cover).astype(np.uint8)


def laid_out(photos: Sequence[Image]) -> Image:
    """Returns one photo unchanged, or several, each cropped to 7:5, as the cells of one large picture."""
    if len(photos) == 1:
        return photos[0]
    cells = [np.asarray(ImageOps.fit(Pillow.fromarray(photo), CELL, Pillow.Resampling.LANCZOS)) for photo in photos]
    columns = math.ceil(math.sqrt(len(cells)))
    cells += [np.full_like(cells[0], 255)] * (-len(cells) % columns)
    rows = [np.concatenate(cells[i : i + columns], 1) for i in range(0, len(cells), columns)]
    return np.concatenate(rows)


def _draw_scale(canvas: Canvas, x: float, y: float, most: float, name: str) -> None:
    canvas.text(x, y, f"probability of {name}:  0", 13, colour=MUTED)
    start = x + 190 + 7 * max(0, len(name) - 9)
    canvas.picture(shades(np.linspace(0, 1, 160)[None].repeat(12, 0)), start, y, 160, 12)
    canvas.text(start + 168, y, f"{most:.2f}", 13, colour=MUTED)
