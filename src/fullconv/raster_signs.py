"""Tells rasters from photos by their first bytes and by the files beside them, without decoding them."""

from __future__ import annotations

import io
import struct
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any, BinaryIO

from fullconv import jpeg2000, tiff
from fullconv.companions import VIRTUAL
from fullconv.orientation import PNG

File = Path | bytes

GEO_JP2 = bytes.fromhex("b14bf8bd083d4b43a5ae8cd7d5a6ce03")  # the box that holds a GeoTIFF
GREY_JP2 = b"colr\1\0\0\0\0\0\x11"  # the box that says grey; GDAL writes it for bands of any meaning
TAKEN_FOR_8 = 9  # bits, by Pillow
COLOUR_TYPES = (2, 4, 6)  # of a PNG: RGB, grey with alpha, RGB with alpha
SUFFIXES = (".tif", ".tiff", VIRTUAL, ".jp2")
MOST_AT_ONCE = 89_478_485  # pixels of a TIFF; larger ones are processed in windows


def is_raster(source: File) -> bool:
    """Whether a file is a raster, to be processed in windows, rather than a photo (tiff.is_special)."""
    if _has_raster_name(source):
        return True
    with suppress(OSError), stream_of(source) as file:
        return _holds_a_raster(file)
    return False


def may_be_raster(path: Path) -> bool:
    """Whether a file may be a raster, by its name alone, if the file is not available."""
    return path.suffix.lower() in SUFFIXES


def needs_rasterio(source: File, page: int = 0) -> bool:
    """Whether Pillow would miss some of the values of a page, counted from 0, or its position on the ground."""
    if _has_raster_name(source):
        return True
    with suppress(OSError, struct.error), stream_of(source) as file:
        return _holds_a_raster(file, page) or _is_beyond_pillow(file, page)
    return False


def _has_raster_name(source: File) -> bool:
    """Whether a file is a raster by its name, or by the name of a file beside it."""
    return isinstance(source, Path) and (source.suffix.lower() == VIRTUAL or _lies_beside(source))


def _holds_a_raster(file: BinaryIO, page: int = 0) -> bool:
    """Whether a page of a file is a raster by its content, read from the beginning."""
    start = file.read(len(jpeg2000.BOXES))
    if start[:4] in tiff.MAGIC:
        tags = tiff.tags_of_page(file, page)
        return tags is not None and tiff.is_special(tags, MOST_AT_ONCE)
    if start == jpeg2000.BOXES:
        boxes = file.read(jpeg2000.HEADER)
        return GEO_JP2 in boxes or b"gml.data" in boxes or b"gml.root-instance" in boxes
    return False


def _is_beyond_pillow(file: BinaryIO, page: int) -> bool:
    """Whether a page has several bands of more than 8 bits, which Pillow cuts to 8, or is of a kind that it does not
    know or changes, such as several bands of grey in a JPEG 2000."""
    file.seek(0)
    start = file.read(26)
    if start[:4] in tiff.MAGIC:
        read = tiff.first_tags(file), tiff.tags_of_page(file, page)  # Pillow reads the first one to get to a page
        return start[:4] == tiff.BIG_ENDIAN_BIG or any(tags and tiff.is_beyond_pillow(tags) for tags in read)
    if start.startswith(PNG) and len(start) == 26:
        return start[24] == 16 and start[25] in COLOUR_TYPES
    if not start.startswith(jpeg2000.STARTS):
        return False
    start += file.read(jpeg2000.HEADER)
    values = jpeg2000.values_of(start)
    if values is None:
        return False
    if values.bits > 8:
        return values.bands > 1 or values.signed or values.bits == TAKEN_FOR_8
    return values.bands > 1 and GREY_JP2 in start


def _lies_beside(path: Path) -> bool:
    """Whether a file beside it gives its position on the ground: a world file, or GDAL's own."""
    suffix = path.suffix
    if len(suffix) < 3 or suffix.lower() == VIRTUAL:
        return False
    endings = (f"{suffix[:2]}{suffix[-1]}w", f"{suffix}w", ".wld")
    if any(path.with_suffix(case).is_file() for ending in endings for case in {ending, ending.lower(), ending.upper()}):
        return True
    with suppress(OSError):
        return b"<GeoTransform>" in path.with_name(path.name + ".aux.xml").read_bytes()[: jpeg2000.HEADER]
    return False


def stream_of(source: File) -> Any:
    """Opens the file. Raises OSError if it is not a plain file, because a pipe would block."""
    if isinstance(source, bytes):
        return nullcontext(io.BytesIO(source))
    if not source.is_file():
        raise FileNotFoundError(source)
    return source.open("rb")
