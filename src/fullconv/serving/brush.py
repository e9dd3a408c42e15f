"""Packs a mask in Label Studio's run-length format: the bytes of an RGBA picture, as a string of bits.

The header has 32 bits for the number of bytes, 5 bits for the bits per byte minus 1, and 4 bits for each of the four
field widths minus 1. Each run has a bit 1, 2 bits that choose the field width, a field of this width with the length
of the run minus 1, and the byte that is repeated. The format is thi.ng's rle-pack, which
https://labelstud.io/tags/brushlabels refers to.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

CHANNELS, WORD = 4, 8  # bytes per pixel, bits per byte
LENGTHS = (3, 4, 8, 16)  # field widths, in bits
LONGEST = 2 ** LENGTHS[-1]  # bytes in a run


def pack(mask: NDArray[np.bool_]) -> bytes:
    """Returns the packed bytes of a mask (H, W): 255 in all four channels where it is set, else 0."""
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
    """Yields the bits of a run, split into parts of at most `LONGEST` bytes."""
    for start in range(0, length, LONGEST):
        part = min(LONGEST, length - start)
        which = next(i for i, bits in enumerate(LENGTHS) if part <= 2**bits)
        yield f"1{which:02b}{part - 1:0{LENGTHS[which]}b}{value:0{WORD}b}"
