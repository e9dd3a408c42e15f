"""Pictures with other channels than RGB: TIFFs of many bands or 16 bits a channel."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import TiffImagePlugin

from fullconv import images
from fullconv.data.geo import read_raster

SAMPLES_PER_PIXEL, BITS_PER_SAMPLE, EXTRA_SAMPLES = 277, 258, 338  # TIFF 6.0 tags
ALPHA = (1, 2)
BIG_TIFF = bytes([43])


def read_bands(path: Path) -> NDArray[Any]:
    """(H, W, C): a TIFF of 2 or of 4 and more bands, or of several 16-bit ones, as it is; anything else as RGB.

    A fourth band that the file declares to be alpha is transparency, not data. Pillow reads what it can, rasterio
    (the extra `geo`) the rest.
    """
    if path.suffix.lower() not in (".tif", ".tiff") or not path.is_file() or is_plain(path):
        return images.read(path)
    return read_raster(path)


def is_plain(path: Path) -> bool:
    """Whether images.read sees all the values that are in this TIFF."""
    tags = tiff_tags(path)
    bands = tags.get(SAMPLES_PER_PIXEL, 1)
    bits = np.atleast_1d(tags.get(BITS_PER_SAMPLE, 8)).max()
    alpha = bands in (2, 4) and np.atleast_1d(tags.get(EXTRA_SAMPLES, 0))[0] in ALPHA
    return bool(bands == 1 or (bits <= 8 and (bands == 3 or alpha)))


def tiff_tags(path: Path) -> dict[int, Any]:
    """The first directory's tags, without the pixels: Image.open refuses what Pillow cannot decode."""
    with path.open("rb") as file:
        header = file.read(8)
        header += file.read(8) if header[2:3] == BIG_TIFF else b""
        try:
            directory = TiffImagePlugin.ImageFileDirectory_v2(header)
            file.seek(directory.next)
            directory.load(file)
            return dict(directory)
        except (SyntaxError, OSError, ValueError, IndexError, struct.error):
            return {}  # no TIFF: images.read says so
