"""Palette PNG of class indices, one binary PNG a class, overlay JPEG."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from fullconv.outputs.class_names import file_names
from fullconv.outputs.file import File, beside
from fullconv.segmentation import Segmentation

RUN_LENGTHS = zlib.Z_RLE
LARGEST_JPEG = 65_500  # pixels a side that libjpeg writes


def write_labels(result: Segmentation, target: Path) -> list[File]:
    return [_png(beside(target, "_labels.png"), result.label_picture)]


def write_masks(result: Segmentation, target: Path) -> list[File]:
    """A file for each class present, background too, or for those that were asked for: 255 where the class is."""
    names = result.asked or result.shares
    named = dict(zip(result.classes.names, file_names(result.classes.names), strict=True))
    return [_png(beside(target, f"_{named[name]}.png"), partial(mask_picture, result, name)) for name in names]


def mask_picture(result: Segmentation, name: str) -> Image.Image:
    return Image.fromarray(result.mask(name).view(np.uint8) * np.uint8(255))


def write_overlay(result: Segmentation, target: Path) -> list[File]:
    """A JPEG, or a PNG where the picture is larger than those can be."""
    if max(result.label_map.shape) > LARGEST_JPEG:
        return [_png(beside(target, "_overlay.png"), result.overlay_picture)]
    return [File(beside(target, "_overlay.jpg"), lambda hidden: _jpeg(result.overlay_picture(legend=True), hidden))]


def _png(path: Path, picture: Callable[[], Image.Image]) -> File:
    # Label maps are flat areas: run lengths pack them as small as zlib's search for matches, in half the time.
    return File(path, lambda hidden: picture().save(hidden, compress_level=3, compress_type=RUN_LENGTHS))


def save_png(picture: Callable[[], Image.Image], path: Path) -> None:
    """A picture with the colours of a photo, packed as pictures are."""
    picture().save(path, compress_level=3)


def _jpeg(picture: Image.Image, path: Path) -> None:
    # Pillow writes JPEG in one go and takes no note where a full disk took but a part of it.
    encoded = io.BytesIO()
    picture.save(encoded, "JPEG", quality=90)
    path.write_bytes(encoded.getbuffer())
