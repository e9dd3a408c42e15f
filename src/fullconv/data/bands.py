"""Reads the values of a picture's bands as they are stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from fullconv import images
from fullconv.errors import FullconvError
from fullconv.view import Picture


def read_bands(path: Path) -> NDArray[Any]:
    """(H, W, C) upright, in the type of the file, colours as RGB."""
    return read_picture(path).values


def read_picture(path: Path) -> Picture:
    """Reads a labelled picture. Raises FullconvError if it has several pages, because a mask belongs to one."""
    picture = images.open_picture(path)
    if picture.pages > 1:
        raise FullconvError(
            f"{path}: {picture.pages} pages, but only one is labelled; save each page as a separate picture"
        )
    return picture
