"""Blended scores of patches that overlap by half, for networks that look at the whole picture at once.

With squeeze-and-excitation or attention every score depends on all that the network sees, so no halo makes tiles equal
to the whole picture. Patches then count by a Hann window, most in their middle and next to nothing at their edges, and
labels change from patch to patch without a seam.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
from numpy.typing import NDArray

from fullconv.prediction.tiling import Span, Window, spans

Scores = NDArray[np.float32]
LEAST = 1e-3  # of a patch's weight, where no other patch lies at the picture's edge


def blended(score: Callable[[tuple[slice, slice]], Scores], size: tuple[int, int], side: int, window: Window) -> Scores:
    """(C, h, w) scores of what `window` keeps of a picture of `size`, from patches of `side` pixels.

    `score` gives a patch's (C, H, W). Patches lie on one grid for the whole picture, so windows fit together exactly.
    """
    rows, columns = window.placing
    total: Scores | None = None
    weights = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.float32)
    for patch in patches(size, side, window):
        raw, weight = score(patch.reading), np.multiply.outer(_hann(patch.rows), _hann(patch.columns))
        into, part = zip(_shared(patch.rows, rows), _shared(patch.columns, columns), strict=True)
        if total is None:
            total = np.zeros((len(raw), *weights.shape), np.float32)
        total[:, *into] += raw[:, *part] * weight[part]
        weights[into] += weight[part]
    assert total is not None  # patches cover the picture
    total /= weights
    return total


def patches(size: tuple[int, int], side: int, window: Window) -> Iterator[Window]:
    """Those of the picture's patches that meet what `window` keeps, row by row."""
    (rows, columns), overlap = window.placing, (side // 4, side // 4)
    for patch in product(spans(size[0], side, overlap), spans(size[1], side, overlap)):
        if _meets(patch[0], rows) and _meets(patch[1], columns):
            yield Window(*patch)


def reach(size: tuple[int, int], side: int, window: Window) -> tuple[slice, slice]:
    """What all patches that meet a window read together."""
    read = [patch.reading for patch in patches(size, side, window)]
    (rows, columns), (last_rows, last_columns) = read[0], read[-1]
    return slice(rows.start, last_rows.stop), slice(columns.start, last_columns.stop)


def _meets(patch: Span, kept: slice) -> bool:
    return patch.read_from < kept.stop and kept.start < patch.read_to


def _shared(patch: Span, kept: slice) -> tuple[slice, slice]:
    """The pixels of both: counted in the window and in the patch."""
    start, stop = max(patch.read_from, kept.start), min(patch.read_to, kept.stop)
    return slice(start - kept.start, stop - kept.start), slice(start - patch.read_from, stop - patch.read_from)


def _hann(patch: Span) -> Scores:
    length = patch.read_to - patch.read_from
    return np.maximum(np.sin(np.pi * (np.arange(length) + 0.5) / length) ** 2, LEAST).astype(np.float32)
