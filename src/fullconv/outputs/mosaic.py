"""A label map that may be too large for memory, and is read part by part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fullconv.classes import Classes, LabelMap
from fullconv.georeference import Georeference
from fullconv.segmentation import Segmentation
from fullconv.view import Part

BLOCK = 2048  # pixels per side of the parts that writers hold
SIMPLIFIED = 1.0  # pixels: a step of one pixel in a border becomes a slope


@dataclass(frozen=True)
class Frame:
    """What a label map belongs to. `size` is (height, width)."""

    size: tuple[int, int]
    classes: Classes
    georeference: Georeference | None


def frame_of(result: Segmentation) -> Frame:
    """Returns the frame of a result in memory."""
    height, width = result.label_map.shape
    return Frame((height, width), result.classes, result.georeference)


@dataclass(frozen=True)
class Mosaic(Frame):
    """`labels` returns the label map of any part, `image` its (H, W, 3) uint8 picture. `simplify`: how far, in pixels,
    the borders of polygons may be smoothed. `asked`: the only classes of masks and polygons; empty for all."""

    labels: Callable[[Part], LabelMap]
    image: Callable[[Part], NDArray[np.uint8]]
    simplify: float = SIMPLIFIED
    asked: tuple[str, ...] = ()

    def wants(self, index: int) -> bool:
        """Whether there are polygons for class `index`; false for values of no class."""
        return index < len(self.classes) and (not self.asked or self.classes.names[index] in self.asked)

    def blocks(self, side: int | None = None) -> Iterator[Part]:
        """Yields parts that cover it once, row by row, of BLOCK pixels per side by default."""
        side = side or BLOCK
        height, width = self.size
        for top in range(0, height, side):
            for left in range(0, width, side):
                yield slice(top, min(top + side, height)), slice(left, min(left + side, width))
