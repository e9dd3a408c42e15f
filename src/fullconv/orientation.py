"""Finds out how a file is to be turned, without decoding it. GDAL returns pictures as they are stored."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

from PIL import ExifTags, Image

from fullconv import tiff

PNG = b"\x89PNG\r\n\x1a\n"
UPRIGHT = 1  # the EXIF orientation of a picture that needs no rotation
KNOWN = range(1, 9)
KEPT = (b"IHDR", b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"IEND")  # chunks of a PNG; texts may hold EXIF data or XMP
MOST = 2**20  # bytes of such a chunk


def orientation_of(file: BinaryIO, directory: int = 0) -> int:
    """Returns the EXIF orientation, 1 to 8, of a PNG, or of a directory of a TIFF. UPRIGHT for other files."""
    start = file.read(len(PNG))
    found = UPRIGHT
    if start[:4] in tiff.MAGIC:
        tags = list(tiff.directories(file))[directory : directory + 1]
        found = int(tags[0].get(tiff.ORIENTATION, UPRIGHT)) if tags else UPRIGHT
    elif start == PNG:
        with suppress(Exception):  # Pillow raises anything on EXIF data that are damaged; the pixels are intact
            found = _of_png(file)
    return found if found in KNOWN else UPRIGHT


def _of_png(file: BinaryIO) -> int:
    """Asks Pillow, as for other pictures, by means of a PNG without pixels."""
    with Image.open(io.BytesIO(PNG + b"".join(_chunks(file))), formats=["PNG"]) as picture:
        exif = Image.Image.getexif(picture)  # the method for PNGs would decode the pixels
        return int(exif.get(ExifTags.Base.Orientation, UPRIGHT))


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    """Yields the chunks that may tell the orientation, before and behind the pixels."""
    while len(head := file.read(8)) == 8:
        length, kind = int.from_bytes(head[:4]), head[4:]
        if kind in KEPT and length <= MOST:
            yield head + file.read(length + 4)
        else:
            file.seek(length + 4, io.SEEK_CUR)
