"""Label Studio's run lengths of a painted mask: the bytes of an RGBA picture, packed bit by bit.

32 bits say how many bytes there are, 5 the length of one less 1, 4 times 4 the four lengths that a run's own length may
have, less 1. Then for each run: 1, which of the four lengths (2 bits), how many bytes it is long less 1, its byte.
The format is thi.ng's rle-pack; https://labelstud.io/tags/brushlabels names it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

CHANNELS, WORD = 4, 8  # bytes a pixel, bits a byte
LENGTHS = (3, 4, 8, 16)  # bits of a run's length
LONGEST = 2 ** LENGTHS[-1]  # bytes of a run


def pack(mask: NDArray[np.bool_]) -> bytes:
    """(H, W): 255 in all four channels where the mask is set, else 0."""
    pixels = mask.ravel()
    changes = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    ends = np.concatenate([changes, [pixels.size]])
    lengths = np.diff(ends, prepend=0) * CHANNELS
    values = pixels[ends - 1] * 255
    runs = (
        run for length, value in zip(lengths.tolist(), values.tolist(), strict=True) for run in _runs(length, value)
    )
    head = f"{pixels.size * CHANNELS:032b}{WORD - 1:05b}" + "".join(f"{length - 1:04b}" for length in LENGTHS)
    bits = head + "".join(runs)
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def _runs(length: int, value: int) -> Iterator[str]:
    """The bits of a run, in as many parts as its length takes."""
    for start in range(0, length, LONGEST):
        part = min(LONGEST, length - start)
        which = next(i for i, bits in enumerate(LENGTHS) if part <= 2**bits)
        yield f"1{which:02b}{part - 1:0{LENGTHS[which]}b}{value:0{WORD}b}"
