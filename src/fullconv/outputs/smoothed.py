"""Writes the polygons of a photo with few points: the steps along pixel borders are smoothed (extra `geo`).

Neighbours keep the same border, so there are no overlaps and no gaps. Areas count pixels, before smoothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullconv.classes import Classes
from fullconv.outputs import coco, geojson, labelme
from fullconv.outputs.coco_polygons import box, filled
from fullconv.outputs.coverage import coverage, shapely_library
from fullconv.outputs.file import Files, text
from fullconv.outputs.outlines import Points, rounded, strips, touches_border, whole_outlines
from fullconv.outputs.regions import regions
from fullconv.segmentation import Segmentation


def smoothing_writers(simplify: float) -> dict[str, Callable[[Segmentation, Path], Files]]:
    """Returns the writers of polygons, by output. Borders move by at most about `simplify` pixels."""

    def write_polygons(result: Segmentation, target: Path) -> Files:
        return {".geojson": text(lambda: geojson.as_text(result, features(result, simplify)))}

    def write_coco_polygons(result: Segmentation, target: Path) -> Files:
        return {"_coco_polygons.json": text(lambda: coco.as_text(result, target.name, outlines(result, simplify)))}

    def write_labelme(result: Segmentation, target: Path) -> Files:
        return labelme.files_of(result, target, lambda: shapes(result.label_map, result.classes, simplify))

    return {"polygons": write_polygons, "coco-polygons": write_coco_polygons, "labelme": write_labelme}


def features(result: Segmentation, simplify: float) -> Iterator[dict[str, Any]]:
    """Yields GeoJSON features of all classes, including background."""
    shapely = shapely_library()
    for region, found in coverage(result.label_map, simplify):
        if region.value < len(result.classes) and result.wants(region.value):
            shape = shapely.orient_polygons(found)
            rings = [np.asarray(ring.coords)[:-1] for ring in (shape.exterior, *shape.interiors)]
            yield geojson.feature(region, result.classes.names[region.value], rings)


def outlines(result: Segmentation, simplify: float) -> Iterator[tuple[int, dict[str, Any]]]:
    """(class, COCO's segmentation, area in pixels, and bbox) of each region. Regions with holes are cut into pieces."""
    whole = regions(result.label_map)
    pieces: list[list[Points]] = [[] for _ in whole]
    numbers = numbered(result.label_map)
    for piece, shape in coverage(strips(result.label_map), simplify):
        x, y = piece.outline.pixels[0]
        pieces[numbers[y, x]].append(rounded(shape.exterior.coords))
    for region, parts in zip(whole, pieces, strict=True):
        if coco.first_category(result.classes) <= region.value < len(result.classes) and result.wants(region.value):
            (left, top), (right, bottom) = np.concatenate(parts).min(0), np.concatenate(parts).max(0)
            yield region.value, {
                "segmentation": [part.ravel().tolist() for part in parts], "area": region.area,
                "bbox": [float(left), float(top), float(right - left), float(bottom - top)],
            }  # fmt: skip


def numbered(label_map: NDArray[np.uint8]) -> NDArray[np.intp]:
    """(H, W): the number of the region that contains each pixel, in order."""
    numbers = np.zeros(label_map.shape, np.intp)
    for number, region in enumerate(regions(label_map)):
        left, top, right, bottom = box(region.outline)
        numbers[top:bottom, left:right][filled(region)] = number
    return numbers


def shapes(label_map: NDArray[np.uint8], classes: Classes, simplify: float) -> Iterator[dict[str, Any]]:
    """Yields labelme's polygons, the largest first. They have no holes, so regions in a hole are painted over what
    surrounds it. Background that reaches the edge of the picture is left unpainted."""
    names = labelme.names_of(classes)
    for outline in whole_outlines(label_map, simplify):
        name = names.get(outline.value, labelme.IGNORE)
        if name != labelme.BACKGROUND or not touches_border(outline, label_map.shape):
            yield labelme.shape(name, centred(outline.points))


def centred(points: Points) -> list[list[float]]:
    """Moves the origin to the centre of the first pixel, as in labelme."""
    found: list[list[float]] = (points - 0.5).tolist()
    return found
