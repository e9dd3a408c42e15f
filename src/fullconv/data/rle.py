"""COCO's run lengths → pixels: column by column, background first; plain numbers or COCO's string of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fullconv.errors import FullconvError


def decode(counts: str | Sequence[int], height: int, width: int) -> NDArray[np.bool_]:
    """(height, width). Raises FullconvError where the runs are not as long as the picture is large."""
    runs = np.array(unpack(counts) if isinstance(counts, str) else counts, np.int64)
    if runs.sum() != height * width or (runs < 0).any():
        raise FullconvError(f"run lengths of {runs.sum()} pixels for a picture of {width}x{height}; export them again")
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(width, height).T


def unpack(text: str) -> list[int]:
    """COCO's string: 5 bits a character from '0', low bits first, bit 5 says more follow; from the fourth run on,
    the difference to the run two before."""
    runs: list[int] = []
    value = shift = 0
    for character in text.encode("ascii"):
        bits = character - ord("0")
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:  # the sign
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = shift = 0
    return runs
