"""Writes a palette PNG of class indices, a binary PNG per class, and an overlay as JPEG."""

from __future__ import annotations

import io
import zlib
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fullconv.outputs.class_names import file_names
from fullconv.outputs.file import Files
from fullconv.segmentation import Segmentation

RUN_LENGTHS = zlib.Z_RLE
LARGEST_JPEG = 65_500  # pixels per side that libjpeg can write


def write_labels(result: Segmentation, target: Path) -> Files:
    return {"_labels.png": lambda hidden: _save_flat(result.label_picture(), hidden)}


def write_masks(result: Segmentation, target: Path) -> Files:
    """Returns a file for each class present, including background, or for the requested ones: 255 where the class
    is."""
    names = result.classes.names
    parts = file_names(names)
    present = [names.index(name) for name in result.asked or result.shares]
    return {f"_{parts[index]}.png": partial(_save_mask, result.label_map, index) for index in present}


def write_overlay(result: Segmentation, target: Path) -> Files:
    """Returns a JPEG, or a PNG if the picture is too large for a JPEG."""
    if max(result.label_map.shape) > LARGEST_JPEG:
        return {"_overlay.png": lambda hidden: _save_flat(result.overlay_picture(), hidden)}
    return {"_overlay.jpg": lambda hidden: _save_jpeg(result.overlay_picture(legend=True), hidden)}


def mask_picture(mask: NDArray[np.bool_]) -> Image.Image:
    """Converts a mask to 0 and 255."""
    return Image.fromarray(mask.view(np.uint8) * np.uint8(255))


def save_png(picture: Image.Image, path: Path) -> None:
    """Saves a picture with photo colours, compressed as a photo."""
    picture.save(path, compress_level=3)


def _save_mask(label_map: NDArray[np.uint8], index: int, path: Path) -> None:
    _save_flat(mask_picture(label_map == index), path)


def _save_flat(picture: Image.Image, path: Path) -> None:
    # Label maps are flat areas: run lengths make them as small as zlib's search for matches, in half the time.
    picture.save(path, compress_level=3, compress_type=RUN_LENGTHS)


def _save_jpeg(picture: Image.Image, path: Path) -> None:
    # Pillow writes a JPEG in one call and does not notice if a full disk took only part of it.
    encoded = io.BytesIO()
    picture.save(encoded, "JPEG", quality=90)
    path.write_bytes(encoded.getbuffer())
