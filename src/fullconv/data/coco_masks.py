"""One picture's annotations in COCO's JSON → its mask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullconv.classes import VOID
from fullconv.data.colour_masks import colour_codes, translate
from fullconv.data.masks import LabelMap, opened
from fullconv.data.polygons import fill
from fullconv.data.rle import decode
from fullconv.errors import FullconvError


@dataclass(frozen=True)
class Outlines:
    """Paints (value, COCO segmentation) in the order given, later ones over earlier; elsewhere 0."""

    height: int
    width: int
    shapes: tuple[tuple[int, Any], ...]

    def __call__(self, path: Path) -> LabelMap:
        """(height, width); `path` is the annotation file, for errors."""
        painted = np.zeros((self.height, self.width), np.uint8)
        for value, segmentation in self.shapes:
            try:
                painted[region(segmentation, self.height, self.width)] = value
            except (FullconvError, KeyError, TypeError, ValueError) as error:
                raise FullconvError(f"{path}: an outline cannot be read ({error}); export it again") from None
        return painted


@dataclass(frozen=True)
class Segments:
    """The values of a panoptic PNG's segments; pixels of segment 0 are void."""

    values: Mapping[int, int]

    def __call__(self, path: Path) -> LabelMap:
        """HxW. A segment's id is R + 256 G + 65536 B."""
        with opened(path) as picture:
            ids = colour_codes(np.array(picture.convert("RGB"))[..., ::-1])
        values, strange = translate(ids, {0: VOID, **self.values})
        if strange.any():
            raise FullconvError(f"{path}: segment {ids[strange][0]} is not in the JSON; take both from one release")
        return values


def region(segmentation: Any, height: int, width: int) -> NDArray[np.bool_]:
    """(height, width): run lengths, or the union of polygons (each x, y, x, y, …)."""
    if isinstance(segmentation, dict):
        return decode(segmentation["counts"], height, width)
    covered = np.zeros((height, width), bool)
    for polygon in filter(None, segmentation):  # some tools leave empty ones behind
        covered |= fill(np.reshape(polygon, (-1, 2)).tolist(), height, width)
    return covered
