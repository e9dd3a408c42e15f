"""A label map on the ground → polygons in its coordinate system: GeoJSON and GeoPackage (extra `geo`).

The staircase along pixel borders is simplified once for both neighbours (a coverage, in shapely's words), so that they
share their border afterwards too: no gaps, no overlaps. Polygons are cut along a grid of 2048 pixels, which keeps
memory bounded; along its lines nothing is moved, so pieces meet exactly.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullconv.errors import FullconvError, missing_extra
from fullconv.outputs.file import File, beside
from fullconv.outputs.geojson import COORDINATES
from fullconv.outputs.geopackage import GeoPackage
from fullconv.outputs.mosaic import LabelMap, Mosaic, Part
from fullconv.outputs.regions import Region, Ring, regions


@dataclass(frozen=True)
class Polygon:
    """A region of class `index`, `pixels` large, as shapely's polygon in the scene's coordinates."""

    index: int
    pixels: int
    shape: Any


def write_geojson(mosaic: Mosaic, target: Path) -> list[File]:
    """target.geojson in the scene's coordinate system, which the member `crs` names as QGIS and GDAL read it."""
    head = json.dumps({"type": "FeatureCollection", "name": target.name, **_ground(mosaic)}, ensure_ascii=False)

    def write(hidden: Path) -> None:
        with hidden.open("w", encoding="utf-8") as file:
            file.write(head[:-1] + ', "features": [')
            for number, polygon in enumerate(polygons(mosaic)):
                file.write(",\n" if number else "\n")
                file.write(json.dumps(_feature(mosaic, polygon), ensure_ascii=False, separators=(",", ":")))
            file.write("\n]}\n")

    return [File(beside(target, ".geojson"), write)]


def write_geopackage(mosaic: Mosaic, target: Path) -> list[File]:
    """target.gpkg: one layer of polygons with class, index and area in pixels."""
    shapely, ground = _shapely(), mosaic.georeference

    def write(hidden: Path) -> None:
        with GeoPackage(hidden, target.name, ground) as package:
            for polygon in polygons(mosaic):
                name = mosaic.classes.names[polygon.index]
                package.add(shapely.to_wkb(polygon.shape), polygon.shape.bounds, name, polygon.index, polygon.pixels)

    return [File(beside(target, ".gpkg"), write)]


def polygons(mosaic: Mosaic) -> Iterator[Polygon]:
    """Of all classes, background too, block by block; pixels of no class are in no polygon."""
    shapely = _shapely()
    for part in mosaic.blocks():
        labels = mosaic.labels(part)
        found = regions(labels) if (labels != mosaic.classes.void).any() else []
        shapes = [_shape(shapely, region, labels) for region in found]
        if mosaic.simplify:
            shapes = list(shapely.coverage_simplify(shapes, mosaic.simplify, simplify_boundary=False))
        for region, shape in zip(found, shapes, strict=True):
            if region.value < len(mosaic.classes):
                placed = shapely.transform(shape, lambda points, part=part: _place(mosaic, part, points))
                yield Polygon(region.value, region.area, placed.normalize())


def _shape(shapely: Any, region: Region, labels: LabelMap) -> Any:
    corners = _corners(labels)
    return shapely.Polygon(_points(region.outline, corners), [_points(hole, corners) for hole in region.holes])


def _corners(labels: LabelMap) -> NDArray[np.bool_]:
    """(H + 1, W + 1): pixel corners where some border turns or three regions meet. Neighbours must have them in common;
    a point in the middle of a straight border is in neither."""
    framed = np.pad(labels.astype(np.int16), 1, constant_values=-1)
    upper_left, upper_right, lower_left, lower_right = (
        framed[:-1, :-1],
        framed[:-1, 1:],
        framed[1:, :-1],
        framed[1:, 1:],
    )
    upright = (upper_left == lower_left) & (upper_right == lower_right)
    level = (upper_left == upper_right) & (lower_left == lower_right)
    return ~(upright | level)


def _points(ring: Ring, corners: NDArray[np.bool_]) -> NDArray[np.int64]:
    points = ring.points()
    return points[corners[points[:, 1], points[:, 0]]]


def _place(mosaic: Mosaic, part: Part, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points of a block, in its pixels, in the scene's coordinates."""
    moved = points + np.array([part[1].start, part[0].start])
    return mosaic.georeference.place(moved) if mosaic.georeference else moved


def _ground(mosaic: Mosaic) -> dict[str, Any]:
    """What the numbers of a GeoJSON file count. Raises FullconvError for a coordinate system that it cannot name."""
    if mosaic.georeference is None or not mosaic.georeference.crs:
        return {"coordinates_in": COORDINATES} if mosaic.georeference is None else {}
    if mosaic.georeference.epsg is None:
        raise FullconvError(
            "polygons: GeoJSON names coordinate systems by their EPSG number and the scene's has none; "
            "take geopackage, or gdalwarp the scene first"
        )
    name = f"urn:ogc:def:crs:EPSG::{mosaic.georeference.epsg}"
    return {"crs": {"type": "name", "properties": {"name": name}}}


def _feature(mosaic: Mosaic, polygon: Polygon) -> dict[str, Any]:
    rings = [polygon.shape.exterior, *polygon.shape.interiors]
    return {
        "type": "Feature",
        "properties": {
            "class": mosaic.classes.names[polygon.index], "index": polygon.index, "area": polygon.pixels,
        },
        "geometry": {"type": "Polygon", "coordinates": [[list(point) for point in ring.coords] for ring in rings]},
    }  # fmt: skip


def _shapely() -> Any:
    try:
        import shapely
    except ImportError:
        raise missing_extra("shapely", "geo") from None
    return shapely
