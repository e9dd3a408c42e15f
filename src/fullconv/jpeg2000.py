"""Reads from the header of a JPEG 2000 what its values are."""

from __future__ import annotations

import struct
from dataclasses import dataclass

BOXES, STREAM = b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"  # how the file format and the bare data begin
STARTS = BOXES, STREAM
HEADER = 2**16  # bytes that are searched
SIGNED = 128


@dataclass(frozen=True)
class Values:
    bands: int
    bits: int
    signed: bool


def values_of(start: bytes) -> Values | None:
    """Returns what the values are, from the first HEADER bytes of a file. None if it is not a JPEG 2000."""
    if start.startswith(STREAM):
        bands, depth = struct.unpack_from(">HB", start, 40)
    elif start.startswith(BOXES) and (at := start.find(b"ihdr")) > 0:
        bands, depth = struct.unpack_from(">HB", start, at + 12)
    else:
        return None
    return Values(bands, (depth & ~SIGNED) + 1, bool(depth & SIGNED))
