"""The values of a picture's bands as they are in its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from fullconv import images
from fullconv.errors import FullconvError
from fullconv.view import Picture


def read_bands(path: Path) -> NDArray[Any]:
    """(H, W, C) upright, of the file's own type, colours as RGB."""
    return read_picture(path).values


def read_picture(path: Path) -> Picture:
    """A labelled picture. Raises FullconvError where it has several pages: a mask belongs to one."""
    picture = images.open_picture(path)
    if picture.pages > 1:
        raise FullconvError(
            f"{path}: {picture.pages} pages, but only one is labelled; save each page as a separate picture"
        )
    return picture
