"""Decodes COCO's run lengths: column by column, background first, as plain numbers or as COCO's string."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullconv.errors import FullconvError

FIRST, LAST = ord("0"), ord("0") + 63  # the characters of COCO's string: 6 bits each
LONGEST = 7  # characters of a number: 5 bits each, more than any picture needs


def decode(counts: str | Sequence[int], height: int, width: int) -> NDArray[np.bool_]:
    """(height, width). Raises FullconvError if the runs are not numbers, or do not match the size of the picture."""
    runs = runs_of(counts)
    area = height * width
    if ((runs < 0) | (runs > area)).any():  # the sum of larger ones may overflow
        raise FullconvError(f"run lengths below 0, or above the {area} pixels of the picture; export them again")
    if runs.sum() != area:
        raise FullconvError(f"run lengths of {runs.sum()} pixels for a picture of {width}x{height}; export them again")
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(width, height).T


def runs_of(counts: str | Sequence[int]) -> NDArray[np.int64]:
    """Returns the run lengths. Every second one, from the second on, is of the object."""
    return unpack(counts) if isinstance(counts, str) else _whole_numbers(counts)


def unpack(text: str) -> NDArray[np.int64]:
    """COCO's string has 5 bits per character from '0', low bits first; bit 5 means that more follow. From the fourth
    run on, a number is the difference to the run two before."""
    codes = np.frombuffer(text.encode("ascii", "replace"), np.uint8).astype(np.int64)
    if ((codes < FIRST) | (codes > LAST)).any():
        raise FullconvError("run lengths contain characters that COCO does not use; export them again")
    codes -= FIRST
    ends = np.flatnonzero(codes & 0x20 == 0)
    starts = np.concatenate([[0], ends[:-1] + 1])[: len(ends)]
    if len(codes) != (ends[-1] + 1 if len(ends) else 0) or (ends - starts >= LONGEST).any():
        raise FullconvError("run lengths are cut off or too long; export them again")
    if not len(ends):
        return ends
    places = np.arange(len(codes)) - np.repeat(starts, ends - starts + 1)  # position of each character in its number
    runs = np.add.reduceat((codes & 0x1F) << 5 * places, starts)
    negative = codes[ends] & 0x10 > 0
    runs[negative] -= 1 << 5 * (ends - starts + 1)[negative]
    for first in (1, 2):
        runs[first::2] = np.cumsum(runs[first::2])
    return runs


def _whole_numbers(counts: Any) -> NDArray[np.int64]:
    runs = np.asarray(counts)
    if runs.ndim != 1 or (len(runs) and runs.dtype.kind not in "iu"):
        raise FullconvError("run lengths are not whole numbers; export them again")
    return runs.astype(np.int64)
