"""Palette PNG of class indices, one binary PNG a class, overlay JPEG."""

from __future__ import annotations

import io
import re
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from fullconv.files import write_whole
from fullconv.segmentation import Segmentation

RUN_LENGTHS = zlib.Z_RLE


def write_labels(result: Segmentation, target: Path) -> list[Path]:
    return [_write(result.label_picture(), beside(target, "_labels.png"))]


def write_masks(result: Segmentation, target: Path) -> list[Path]:
    """A file for each class present, background too: 255 where the class is, 0 elsewhere."""
    return [
        _write(Image.fromarray(result.mask(name).view(np.uint8) * np.uint8(255)), beside(target, f"_{safe(name)}.png"))
        for name in result.shares
    ]


def write_overlay(result: Segmentation, target: Path) -> list[Path]:
    return [write_whole(beside(target, "_overlay.jpg"), lambda hidden: _jpeg(result.overlay_picture(), hidden))]


def beside(target: Path, ending: str) -> Path:
    return target.with_name(target.name + ending)


def _write(picture: Image.Image, path: Path) -> Path:
    # Label maps are flat areas: run lengths pack them as small as zlib's search for matches, in half the time.
    return write_whole(path, lambda hidden: picture.save(hidden, compress_level=3, compress_type=RUN_LENGTHS))


def _jpeg(picture: Image.Image, path: Path) -> None:
    # Pillow writes JPEG in one go and takes no note where a full disk took but a part of it.
    encoded = io.BytesIO()
    picture.save(encoded, "JPEG", quality=90)
    path.write_bytes(encoded.getbuffer())


def safe(name: str) -> str:
    """A class name as part of a file name."""
    return re.sub(r"[^\w.+-]+", "-", name).strip("-") or "class"
