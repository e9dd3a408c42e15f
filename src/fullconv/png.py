"""Compares the pixels of a PNG with their checksums. Pillow does not, and reads wrong labels from a damaged mask."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

SIGNATURE = 8  # bytes
WITH_PIXELS = (b"IDAT", b"fdAT")
END = b"IEND"
AT_ONCE = 2**20  # bytes


def refuse_damaged(file: BinaryIO) -> None:
    """Raises ValueError if the checksum of a chunk of pixels is wrong.

    Other chunks, and anything behind the picture, do not matter: many programs write them carelessly.
    """
    file.seek(SIGNATURE)
    while len(header := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", header)
        if kind == END:
            return
        if kind not in WITH_PIXELS:
            file.seek(length + 4, 1)
            continue
        found = zlib.crc32(kind)
        for block in _blocks(file, length):
            found = zlib.crc32(block, found)
        stated = file.read(4)
        if len(stated) == 4 and int.from_bytes(stated) != found:  # a file cut off here still has all its pixels
            raise ValueError("the checksum of its pixels is wrong")


def _blocks(file: BinaryIO, length: int) -> Iterator[bytes]:
    while length > 0 and (block := file.read(min(length, AT_ONCE))):
        length -= len(block)
        yield block
