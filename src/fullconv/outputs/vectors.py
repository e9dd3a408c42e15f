"""Converts a label map on the ground to polygons in its coordinate system: GeoJSON and GeoPackage (extra `geo`).

Polygons are cut along a grid of 2048 pixels, which limits memory. Nothing moves along its lines, so pieces meet
exactly.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullconv.errors import FullconvError
from fullconv.georeference import Georeference
from fullconv.outputs.coverage import coverage, shapely_library
from fullconv.outputs.file import Files
from fullconv.outputs.geojson import COORDINATES
from fullconv.outputs.geopackage import GeoPackage
from fullconv.outputs.mosaic import Mosaic
from fullconv.view import Part


@dataclass(frozen=True)
class Polygon:
    """A region of class `index`, `pixels` large, as a shapely polygon in the coordinates of the scene."""

    index: int
    pixels: int
    shape: Any


def write_geojson(mosaic: Mosaic, target: Path) -> Files:
    """target.geojson in the coordinate system of the scene. The member `crs` names it, as QGIS and GDAL expect."""
    refuse_nameless(mosaic.georeference, target.name)
    crs = _crs_of(mosaic.georeference)
    head = json.dumps({"type": "FeatureCollection", "name": target.name, **crs}, ensure_ascii=False)

    def write(hidden: Path) -> None:
        with hidden.open("w", encoding="utf-8") as file:
            file.write(head[:-1] + ', "features": [')
            for number, polygon in enumerate(polygons(mosaic)):
                file.write(",\n" if number else "\n")
                file.write(json.dumps(_feature(mosaic, polygon), ensure_ascii=False, separators=(",", ":")))
            file.write("\n]}\n")

    return {".geojson": write}


def write_geopackage(mosaic: Mosaic, target: Path) -> Files:
    """target.gpkg: one layer of polygons with class, index and area in pixels."""
    shapely, georeference = shapely_library(), mosaic.georeference

    def write(hidden: Path) -> None:
        with GeoPackage(hidden, target.name, georeference) as package:
            for polygon in polygons(mosaic):
                name = mosaic.classes.names[polygon.index]
                package.add(shapely.to_wkb(polygon.shape), polygon.shape.bounds, name, polygon.index, polygon.pixels)

    return {".gpkg": write}


def polygons(mosaic: Mosaic) -> Iterator[Polygon]:
    """Yields the polygons of all classes, including background, or of those asked for, block by block. Pixels of no
    class are in no polygon."""
    shapely = shapely_library()
    for part in mosaic.blocks():
        labels = mosaic.labels(part)
        found = coverage(labels, mosaic.simplify) if (labels != mosaic.classes.void).any() else []
        for region, shape in found:
            if mosaic.wants(region.value):
                placed = shapely.transform(shape, lambda points, part=part: _place(mosaic, part, points))
                yield Polygon(region.value, region.area, placed.normalize())


def _place(mosaic: Mosaic, part: Part, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Converts points in pixels of a block to the coordinates of the scene."""
    moved = points + np.array([part[1].start, part[0].start])
    return mosaic.georeference.place(moved) if mosaic.georeference else moved


def refuse_nameless(georeference: Georeference | None, named: object) -> None:
    """Raises FullconvError if GeoJSON cannot name the coordinate system. `named`: the raster that has it."""
    if georeference and georeference.crs and georeference.epsg is None:
        raise FullconvError(
            f"{named}: its coordinate system has no EPSG code, which polygons (GeoJSON) need; save geopackage instead, "
            "or run gdalwarp first"
        )


def _crs_of(georeference: Georeference | None) -> dict[str, Any]:
    """Returns the unit of the numbers in a GeoJSON file."""
    if georeference is None or not georeference.has_transform:
        return {"coordinates_in": COORDINATES}
    if not georeference.crs:
        return {}
    name = f"urn:ogc:def:crs:EPSG::{georeference.epsg}"
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
