"""Writes COCO's JSON with polygons for annotation tools. Each connected region is one annotation.

COCO's polygons have no holes. A region with holes is cut along straight vertical lines that cross all of them. No piece
then surrounds anything, and together the pieces are the region, along pixel borders.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullconv.outputs.coco import as_text, first_category
from fullconv.outputs.file import Files, text
from fullconv.outputs.regions import SIDEWAYS, Region, Ring, regions
from fullconv.segmentation import Segmentation

Polygon = list[int]  # x, y, x, y, … in pixels from the picture's upper left corner


def write_coco_polygons(result: Segmentation, target: Path) -> Files:
    """target_coco_polygons.json, as pycocotools opens it."""
    return {"_coco_polygons.json": text(lambda: as_text(result, target.name, outlines(result)))}


def outlines(result: Segmentation) -> Iterator[tuple[int, dict[str, Any]]]:
    """(class, COCO's segmentation, area in pixels, and bbox) of each region, in the order of their first pixels."""
    for region in regions(result.label_map):
        if first_category(result.classes) <= region.value < len(result.classes) and result.wants(region.value):
            left, top, right, bottom = box(region.outline)
            yield region.value, {
                "segmentation": polygons(region), "area": region.area,
                "bbox": [left, top, right - left, bottom - top],
            }  # fmt: skip


def polygons(region: Region) -> list[Polygon]:
    """Returns one polygon for a region without holes, or else its pieces."""
    if not region.holes:
        return [flat(region.outline.corners())]
    left, top, _, _ = box(region.outline)
    lines = cuts([box(hole)[::2] for hole in region.holes])
    mask = filled(region)
    strips = np.searchsorted(lines, left + np.arange(mask.shape[1]), side="right") % 2  # (W,)
    pieces = regions(np.where(mask, 1 + strips, 0).astype(np.uint8))
    return [flat(piece.outline.corners() + np.array([left, top])) for piece in pieces if piece.value]


def cuts(spans: list[tuple[int, ...]]) -> list[int]:
    """Returns as few positions as possible, in order, so that each span (from, to) contains one, ends included."""
    found: list[int] = []
    for start, end in sorted(spans, key=lambda span: span[1]):
        if not found or found[-1] < start:
            found.append(end)
    return found


def filled(region: Region) -> NDArray[np.bool_]:
    """(H, W) of the region's box. Every vertical side toggles all pixels to its right."""
    left, top, right, bottom = box(region.outline)
    toggles = np.zeros((bottom - top, right - left + 1), bool)
    for ring in (region.outline, *region.holes):
        upright = SIDEWAYS[ring.sides] != 0
        x, y = (ring.pixels[upright] - (left, top)).T
        toggles[y, x + (SIDEWAYS[ring.sides[upright]] > 0)] = True
    return np.logical_xor.accumulate(toggles[:, :-1], axis=1)


def box(ring: Ring) -> tuple[int, int, int, int]:
    """Left, top, right, bottom."""
    points = ring.points()
    (left, top), (right, bottom) = points.min(0).tolist(), points.max(0).tolist()
    return left, top, right, bottom


def flat(corners: NDArray[np.int64]) -> Polygon:
    found: Polygon = corners.ravel().tolist()
    return found
