"""Blends the scores of patches that overlap by half, for networks with global context.

With squeeze-and-excitation or attention, every score depends on everything that the network sees. No halo can then make
the labels of tiles equal to those of the whole picture. Patches are therefore weighted by a Hann window: most in their
middle, and almost nothing at their edges. No seams are visible between patches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

import numpy as np

from fullconv.prediction.resizing import Scores
from fullconv.prediction.tiling import Span, Tile, spans

LEAST = 1e-3  # the smallest weight of a pixel; needed at the picture's edges, which only one patch covers


def blended(score: Callable[[tuple[slice, slice]], Scores], size: tuple[int, int], side: int, tile: Tile) -> Scores:
    """Returns the scores (C, h, w) of the part that `tile` keeps, for a picture of `size` (height, width).

    `side`: side of the patches in pixels. `score`: (rows, columns) of a patch → its scores (C, H, W). The patches of a
    picture lie on one grid, so its tiles fit together exactly.
    """
    rows, columns = tile.placing
    total: Scores | None = None
    weights = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.float32)
    for patch in patches(size, side, tile):
        raw, weight = score(patch.reading), np.multiply.outer(_hann(patch.rows), _hann(patch.columns))
        into, part = zip(_shared(patch.rows, rows), _shared(patch.columns, columns), strict=True)
        if total is None:
            total = np.zeros((len(raw), *weights.shape), np.float32)
        total[:, *into] += raw[:, *part] * weight[part]
        weights[into] += weight[part]
    assert total is not None  # patches cover the picture
    total /= weights
    return total


def patches(size: tuple[int, int], side: int, tile: Tile) -> Iterator[Tile]:
    """Yields the patches of the picture that overlap the part that `tile` keeps, row by row."""
    (rows, columns), overlap = tile.placing, (side // 4, side // 4)
    for patch in product(spans(size[0], side, overlap), spans(size[1], side, overlap)):
        if _meets(patch[0], rows) and _meets(patch[1], columns):
            yield Tile(*patch)


def reach(size: tuple[int, int], side: int, tile: Tile) -> tuple[slice, slice]:
    """Returns (rows, columns) of everything that the patches of a tile read together."""
    read = [patch.reading for patch in patches(size, side, tile)]
    (rows, columns), (last_rows, last_columns) = read[0], read[-1]
    return slice(rows.start, last_rows.stop), slice(columns.start, last_columns.stop)


def _meets(patch: Span, kept: slice) -> bool:
    return patch.read_from < kept.stop and kept.start < patch.read_to


def _shared(patch: Span, kept: slice) -> tuple[slice, slice]:
    """Returns the pixels that are in both, as a slice of the tile and a slice of the patch."""
    start, stop = max(patch.read_from, kept.start), min(patch.read_to, kept.stop)
    return slice(start - kept.start, stop - kept.start), slice(start - patch.read_from, stop - patch.read_from)


def _hann(patch: Span) -> Scores:
    length = patch.read_to - patch.read_from
    return np.maximum(np.sin(np.pi * (np.arange(length) + 0.5) / length) ** 2, LEAST).astype(np.float32)
