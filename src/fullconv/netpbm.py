"""Reads the numbers that a PGM or PPM stores. Pillow scales them: greys to 65535, and colours to 255."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

DECODERS = ("ppm", "ppm_plain")  # Pillow's decoders that scale
NUMERALS = b"0123456789 \t\n\v\f\r"


def white_of(picture: Image.Image) -> int | None:
    """Returns the number that the file gives for white, or None for a picture that Pillow does not scale."""
    tile = _tile(picture)
    return int(tile.args[1]) if tile else None


def stored_numbers(picture: Image.Image) -> NDArray[Any]:
    """Returns (H, W, 1 or 3) from a picture that has a white and is not loaded yet. Raises ValueError if the file is
    cut off or contains anything but numbers."""
    tile: Any = _tile(picture)
    file: Any = getattr(picture, "fp", None)
    bands = 3 if picture.mode == "RGB" else 1
    count = picture.width * picture.height * bands
    file.seek(tile.offset)
    numbers = _words(file, count) if tile.codec_name == "ppm_plain" else _bytes(file, count, tile.args[1])
    return numbers.reshape(picture.height, picture.width, bands)


def _tile(picture: Image.Image) -> Any:
    tiles = getattr(picture, "tile", [])
    return tiles[0] if picture.format == "PPM" and tiles and tiles[0].codec_name in DECODERS else None


def _bytes(file: Any, count: int, white: int) -> NDArray[Any]:
    stored = np.dtype(np.uint8 if white < 256 else ">u2")
    content = file.read(count * stored.itemsize)
    if len(content) < count * stored.itemsize:
        raise ValueError("cut off")
    return np.frombuffer(content, stored).astype(stored.newbyteorder("="))


def _words(file: Any, count: int) -> NDArray[Any]:
    text = re.sub(rb"#[^\r\n]*", b"", file.read())
    if text.translate(None, NUMERALS):
        raise ValueError("contains something other than numbers")
    numbers = np.fromstring(text, np.int64, sep=" ")[:count]
    if not text.strip() or len(numbers) < count:
        raise ValueError("cut off")
    if numbers.max() > np.iinfo(np.uint16).max:
        raise ValueError(f"contains the number {numbers.max()}")
    return numbers.astype(np.uint16)
