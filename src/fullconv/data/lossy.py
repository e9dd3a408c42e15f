"""Tells whether a mask was compressed with losses, which changes values at the edges of classes."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from fullconv.files import open_plain
from fullconv.tiff import COMPRESSION

TIFF_JPEG = (6, 7, 34892)  # compressions of a TIFF
FIRST_CHUNK = 12  # byte of a WebP
WITH_LOSSES, WITHOUT = b"VP8 ", b"VP8L"


def is_lossy(picture: Image.Image, path: Path) -> bool:
    """Whether this picture, opened from `path`, is a JPEG, a TIFF compressed as JPEG, or a lossy WebP."""
    if picture.format == "WEBP":
        with open_plain(path) as file:
            return _is_lossy_webp(file)
    return picture.format == "JPEG" or getattr(picture, "tag_v2", {}).get(COMPRESSION) in TIFF_JPEG


def _is_lossy_webp(file: BinaryIO) -> bool:
    file.seek(FIRST_CHUNK)
    while len(header := file.read(8)) == 8:
        kind, length = struct.unpack("<4sI", header)
        if kind in (WITH_LOSSES, WITHOUT):
            return bool(kind == WITH_LOSSES)
        file.seek(length + length % 2, 1)
    return False
