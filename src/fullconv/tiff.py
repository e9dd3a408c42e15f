"""Reads the directories of a TIFF, without the pixels."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from itertools import islice
from typing import Any, BinaryIO

import numpy as np

# damage is either an error or harmless
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.TiffImagePlugin")

Tags = Any  # Pillow's ImageFileDirectory_v2: a mapping that reads a tag when it is accessed

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
BIG = (b"+\0", b"\0+")
BIG_ENDIAN_BIG = b"MM\0+"  # a BigTIFF that Pillow recognises, but takes for a small one
SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, ORIENTATION, SAMPLES = 254, 256, 257, 258, 259, 262, 274, 277
OLD_SUBFILE, EXTRA_SAMPLES, SAMPLE_FORMAT = 255, 338, 339
GEO_TAGS, NODATA = (33550, 33922, 34264, 34735, 50844), 42113  # tags of GeoTIFF and of GDAL
PIECE_OFFSETS = (273, 324)  # offsets of strips and of tiles in the file
MOST_PIECES, MOST_DIRECTORIES = 2**17, 2**16
REDUCED, MASK, OLD_REDUCED = 1, 4, 2
ALPHA = (1, 2)
WHITE_IS_ZERO, CMYK = 0, 5
FILL_ORDER = 266
PILLOW_BITS = (1, 2, 4, 8, 12, 16)
UNSIGNED, SIGNED, FLOAT = 1, 2, 3


def directories(file: BinaryIO) -> Iterator[Tags]:
    """Yields the tags of each directory, as far as they can be read. Image.open refuses files that Pillow cannot
    decode."""
    file.seek(0)
    header = file.read(8)
    header += file.read(8) if header[2:4] in BIG else b""
    seen: set[int] = set()
    try:
        offset = _empty(header).next
        while offset and offset not in seen and len(seen) < MOST_DIRECTORIES:
            seen.add(offset)
            directory = _empty(header)
            file.seek(offset)
            directory.load(file)
            yield directory
            offset = directory.next
    except (SyntaxError, OSError, ValueError, IndexError, TypeError, struct.error):
        return  # not a TIFF, or incomplete: decoding it gives the reason


def refuse_fragmented(file: BinaryIO) -> None:
    """Raises ValueError if a TIFF is stored in so many pieces that decoding would take forever."""
    for tags in directories(file):
        pieces = max((len(np.atleast_1d(tags[tag])) for tag in PIECE_OFFSETS if tag in tags), default=0)
        if pieces > MOST_PIECES:
            raise ValueError(f"stored in {pieces} pieces")


def pages(file: BinaryIO) -> list[int]:
    """Returns the numbers, from 0, of the directories that are pages: neither overviews nor masks of others."""
    return [number for number, _ in _pages(file)] or [0]


def tags_of_pages(file: BinaryIO) -> list[Tags]:
    return [tags for _, tags in _pages(file)]


def tags_of_page(file: BinaryIO, page: int = 0) -> Tags | None:
    """Returns the tags of a page, counted from 0, or None. Reads no directory after it."""
    found = (tags for _, tags in _pages(file))
    return next(islice(found, page, None), None) or first_tags(file)


def first_tags(file: BinaryIO) -> Tags | None:
    """Returns the tags of the first directory, which may be a thumbnail, or None."""
    return next(directories(file), None)


def is_special(tags: Tags, most_pixels: int) -> bool:
    """Whether a TIFF is a raster rather than a photo: it has a position on the ground, marks pixels without data, has
    bands or values that photos do not have, or has more pixels than `most_pixels`."""
    placed = any(tag in tags for tag in (*GEO_TAGS, NODATA))
    return placed or not is_plain(tags) or pixels_of(tags) > most_pixels


def is_plain(tags: Tags) -> bool:
    """Whether Pillow reads all the values in it."""
    from PIL import TiffImagePlugin

    bands, bits = int(tags.get(SAMPLES, 1)), bits_of(tags)
    kind = int(np.atleast_1d(tags.get(SAMPLE_FORMAT, UNSIGNED))[0])
    decoded = tags.get(COMPRESSION, 1) in TiffImagePlugin.COMPRESSION_INFO and bits in PILLOW_BITS
    if not decoded or kind == FLOAT or (kind == SIGNED and bits != 16):
        return False
    inks = tags.get(PHOTOMETRIC) == CMYK
    alpha = bands in (2, 4) and np.atleast_1d(tags.get(EXTRA_SAMPLES, 0))[0] in ALPHA
    return bands == 1 or (bits <= 8 and (bands == 3 or (alpha and not inks) or (inks and bands == 4)))


def is_beyond_pillow(tags: Tags) -> bool:
    """Whether Pillow loses values of a picture, or does not know this kind."""
    from PIL import TiffImagePlugin

    bands, bits, kind = int(tags.get(SAMPLES, 1)), bits_of(tags), np.atleast_1d(tags.get(SAMPLE_FORMAT, UNSIGNED))[0]
    stored = tags.prefix, tags.get(PHOTOMETRIC, WHITE_IS_ZERO), (int(kind),), tags.get(FILL_ORDER, 1), (bits,), ()
    unknown = bands == 1 and bits > 8 and stored not in TiffImagePlugin.OPEN_INFO
    return unknown or not is_plain(tags)


def bits_of(tags: Tags) -> int:
    """Returns the number of bits per value."""
    return int(np.atleast_1d(tags.get(BITS, 1)).max())


def pixels_of(tags: Tags) -> int:
    return int(tags.get(WIDTH, 0)) * int(tags.get(HEIGHT, 0))


def _empty(header: bytes) -> Tags:
    """Returns a directory to load; until then, its `next` is the place of the first one. Raises SyntaxError if the file
    is not a TIFF."""
    from PIL import TiffImagePlugin  # imported here because most pictures are not TIFFs

    if not header.startswith(BIG_ENDIAN_BIG):
        return TiffImagePlugin.ImageFileDirectory_v2(header)
    directory = TiffImagePlugin.ImageFileDirectory_v2(header[:8])
    directory._bigtiff, directory.next = True, int.from_bytes(header[8:16])
    return directory


def _pages(file: BinaryIO) -> Iterator[tuple[int, Tags]]:
    """Yields (number of its directory, tags) of each page."""
    return ((number, tags) for number, tags in enumerate(directories(file)) if _is_page(tags))


def _is_page(tags: Tags) -> bool:
    return not int(tags.get(SUBFILE, 0)) & (REDUCED | MASK) and tags.get(OLD_SUBFILE, 0) != OLD_REDUCED
