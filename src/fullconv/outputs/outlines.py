"""Converts a label map to outlines with few points and without holes, for annotation tools (extra `geo`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fullconv.outputs.coco_polygons import box, cuts, filled
from fullconv.outputs.coverage import coverage
from fullconv.outputs.regions import regions

ODD = 256  # added to the values of every other strip of a region that is cut

Points = NDArray[np.float64]  # (N, 2): x, y in pixels from the upper left corner of the picture


@dataclass(frozen=True)
class Outline:
    """A part of a picture that is all of class `value`."""

    value: int
    points: Points

    @property
    def area(self) -> float:
        """The area in pixels (the shoelace formula)."""
        x, y = self.points.T
        return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def whole_outlines(label_map: NDArray[np.uint8], simplify: float) -> Iterator[Outline]:
    """Yields the outer border of every region, ignoring its holes, the largest first, to be painted in this order."""
    found = [Outline(region.value, rounded(shape.exterior.coords)) for region, shape in coverage(label_map, simplify)]
    yield from sorted(found, key=lambda outline: -outline.area)


def cut_outlines(label_map: NDArray[np.uint8], simplify: float) -> Iterator[Outline]:
    """Yields outlines without holes: regions with holes are cut along straight lines into parts without."""
    for region, shape in coverage(strips(label_map), simplify):
        yield Outline(region.value % ODD, rounded(shape.exterior.coords))


def strips(label_map: NDArray[np.uint8]) -> NDArray[np.int16]:
    """Adds ODD to the label map in every other strip of regions with holes. No region of the result has holes."""
    marked = label_map.astype(np.int16)
    for region in regions(label_map):
        if region.holes:
            left, top, right, bottom = box(region.outline)
            odd = np.searchsorted(
                cuts([box(hole)[::2] for hole in region.holes]), np.arange(right - left) + left, "right"
            )
            marked[top:bottom, left:right] += np.where(filled(region) & (odd % 2 == 1), ODD, 0).astype(np.int16)
    return marked


def without_specks(label_map: NDArray[np.uint8], least: float) -> NDArray[np.uint8]:
    """Gives regions of fewer than `least` pixels the value to the left of their first pixel, or above it."""
    cleaned = label_map.copy()
    for region in regions(label_map):
        if region.area < least:
            x, y = region.outline.pixels[0]
            left, top, right, bottom = box(region.outline)
            place = cleaned[top:bottom, left:right]
            place[filled(region)] = cleaned[y, x - 1] if x else cleaned[max(y - 1, 0), x]
    return cleaned


def touches_border(outline: Outline, shape: tuple[int, ...]) -> bool:
    """Whether it touches the edge of the picture: then nothing surrounds it."""
    (left, top), (right, bottom) = outline.points.min(0), outline.points.max(0)
    return bool(left <= 0 or top <= 0 or right >= shape[1] or bottom >= shape[0])


def rounded(coordinates: Points) -> Points:
    """Rounds, and removes the last point, which repeats the first."""
    return np.asarray(coordinates, np.float64)[:-1].round(2)
