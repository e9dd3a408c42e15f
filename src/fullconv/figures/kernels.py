"""Shows what a network's kernels respond to: the first layer as colours, deeper channels by what excites them most."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import nn

from fullconv.errors import FullconvError
from fullconv.figures.anatomy import block_of, stage_ends
from fullconv.figures.canvas import MUTED, RULE, Canvas
from fullconv.figures.maps import maps_of, within_photo
from fullconv.models.geometry import Window
from fullconv.models.tracing import Step, trace
from fullconv.words import counted

WIDTH, SIDE, LEFT, TILE = 1000, 16, 150, 62  # pixels: page, margin, column of text, patch
CHANNELS, PATCHES = 4, 3  # per stage: channels, and patches of each

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Patch:
    """What a position of a channel sees of a photo. `middle`: its centre, 0–1 of the patch."""

    image: Image
    middle: tuple[float, float]  # (x, y)


def draw_kernels(network: nn.Module, name: str, photos: Sequence[Image]) -> Canvas:
    """Draws kernels as tiles, then a row per stage: the channels that respond most selectively, and the places
    where."""
    first, tiles = first_kernels(network)
    across = int((WIDTH - 2 * SIDE - LEFT) // 40)
    y = 56 + 40 * -(-len(tiles) // across) + 24
    found = {step: excited(network, step, photos) for step in stage_ends(trace(network, *photos[0].shape[:2]))}
    row = TILE + 44
    canvas = Canvas(WIDTH, y + row * len(found))
    canvas.text(SIDE, 14, f"{name}: what its kernels respond to in {counted(len(photos), 'photo')}", 17, bold=True)
    size = "x".join(map(str, tiles[0].shape[:2]))
    _describe(canvas, 56, "first layer", [f"{len(tiles)} kernels {size}", block_of(first)])
    for i, tile in enumerate(tiles):
        canvas.picture(tile, SIDE + LEFT + 40 * (i % across), 56 + 40 * (i // across), 34)
    for i, (step, channels) in enumerate(found.items()):
        field = "sees everything" if step.whole else f"sees {step.rows.size} px"
        _describe(canvas, y + row * i, f"stride {step.rows.stride}", [f"{step.shape[1]} channels", field])
        for j, (channel, patches) in enumerate(channels.items()):
            x = SIDE + LEFT + j * (WIDTH - 2 * SIDE - LEFT) / CHANNELS
            _draw_channel(canvas, f"channel {channel}", patches, x, y + row * i)
    return canvas


def first_kernels(network: nn.Module) -> tuple[str, list[Image]]:
    """Returns (name of the first convolution, its kernels as colours). Grey is 0; each is scaled by its own largest
    weight."""
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Conv2d) and layer.in_channels >= 3:
            weights = layer.weight.detach().float()[:, :3]
            # which of R, G, B each channel is
            order = getattr(getattr(network, "normalise", None), "order", None) or [0, 1, 2]
            rgb = weights[:, [order.index(colour) for colour in range(3)]]
            scaled = 0.5 + 0.5 * rgb / rgb.abs().amax((1, 2, 3), keepdim=True).clamp_min(1e-12)
            return name, list((255 * scaled).round().byte().permute(0, 2, 3, 1).numpy())
    raise FullconvError("the network has no convolution over three channels of colour to draw")


def excited(network: nn.Module, step: Step, photos: Sequence[Image]) -> dict[int, list[Patch]]:
    """{channel: patches, the most exciting first} for the channels of `step` that deviate most from their mean."""
    maps = []
    for photo in photos:
        values, _ = maps_of(network, photo, [step.module])
        maps.append(within_photo(values[step.module], step, *photo.shape[:2]))
    flat = np.concatenate([values.reshape(len(values), -1) for values in maps], 1)
    contrast = (flat.max(1) - flat.mean(1)) / (flat.std(1) + 1e-6)
    channels = [int(c) for c in np.argsort(-contrast, kind="stable")[:CHANNELS]]
    return {c: [patch_at(photos[i], step, y, x) for i, y, x in peaks([m[c] for m in maps])] for c in channels}


def peaks(maps: Sequence[NDArray[np.float32]]) -> list[tuple[int, int, int]]:
    """(photo, y, x) of the highest values. None is within a tenth of the map of a higher one."""
    found: list[tuple[int, int, int]] = []
    left = [values.copy() for values in maps]
    while len(found) < PATCHES and max(float(values.max()) for values in left) > -np.inf:
        i = int(np.argmax([values.max() for values in left]))
        y, x = (int(v) for v in np.unravel_index(left[i].argmax(), left[i].shape))
        found.append((i, y, x))
        apart = max(2, max(left[i].shape) // 10)
        left[i][max(0, y - apart) : y + apart + 1, max(0, x - apart) : x + apart + 1] = -np.inf
    return found


def patch_at(photo: Image, step: Step, y: int, x: int) -> Patch:
    """Returns what is seen at (y, x), cropped to the photo and to a square around its centre."""
    rows, row = _span(step.rows, y, photo.shape[0], step.whole)
    columns, column = _span(step.columns, x, photo.shape[1], step.whole)
    side = min(len(rows), len(columns))
    top, left = _start(rows, row, side), _start(columns, column, side)
    return Patch(photo[top : top + side, left : left + side], ((column - left) / side, (row - top) / side))


def _span(window: Window, position: int, length: int, whole: bool) -> tuple[range, float]:
    """Returns (the pixels seen along an axis, their centre)."""
    if whole:
        return range(length), float(window.stride * position + window.stride / 2)
    first, last = window.stride * position + window.first, window.stride * position + window.last
    return range(max(0, math.ceil(first)), min(length, math.floor(last) + 1)), float((first + last + 1) / 2)


def _start(pixels: range, middle: float, side: int) -> int:
    return max(pixels.start, min(pixels.stop - side, round(middle - side / 2)))


def _draw_channel(canvas: Canvas, title: str, patches: Sequence[Patch], x: float, y: float) -> None:
    for i, patch in enumerate(patches):
        left = x + i * (TILE + 2)
        canvas.picture(patch.image, left, y, TILE, TILE)
        canvas.box(left, y, TILE, TILE, edge=RULE, line=0.5)
        if min(patch.image.shape[:2]) > 2 * TILE:  # a small patch shows its own centre
            canvas.box(left + patch.middle[0] * TILE - 4, y + patch.middle[1] * TILE - 4, 8, 8, edge="#ffd33d", line=2)
    canvas.text(x, y + TILE + 4, title, 12, colour=MUTED)


def _describe(canvas: Canvas, y: float, title: str, words: Sequence[str]) -> None:
    canvas.text(SIDE, y, title, 14, bold=True)
    for i, line in enumerate(words):
        canvas.text(SIDE, y + 22 + 17 * i, line, 12.5, colour=MUTED)
