"""Draws outlines on the ground into the grid of a picture (extra `geo`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fullconv.classes import LabelMap
from fullconv.damage import reason_of
from fullconv.errors import FullconvError
from fullconv.georeference import Georeference, checked_crs, import_rasterio
from fullconv.images import directory_of, refuse_large
from fullconv.raster import open_raster

LONGITUDE_LATITUDE = "OGC:CRS84"  # required by RFC 7946; older files name another under `crs`
DEGREES = ("CRS84", ":4326")
AREAS = {"Polygon", "MultiPolygon", "GeometryCollection"}
Geometry = dict[str, Any]
Box = tuple[float, float, float, float]  # left, bottom, right, top


class Grid(NamedTuple):
    """Where the pixels of a picture lie. `size`: (height, width)."""

    picture: Path
    size: tuple[int, int]
    transform: Any
    crs: Any


def burn(grid: Grid, shapes: Sequence[tuple[Geometry, int]], crs: str) -> LabelMap:
    """Returns HxW on the grid of a picture, from `(GeoJSON geometry in crs, value)` pairs. Later ones cover earlier
    ones; the rest is 0.

    A pixel belongs to a shape if its centre lies inside.
    """
    rasterio = import_rasterio()
    refuse_large(grid.size, str(grid.picture), None)
    if not shapes:
        return np.zeros(grid.size, np.uint8)
    with _any_geometry(f"outlines for {grid.picture}"):
        checked_crs(crs)
        placed = [(rasterio.warp.transform_geom(crs, grid.crs, geometry), value) for geometry, value in shapes]
        burnt: LabelMap = rasterio.features.rasterize(
            placed, out_shape=grid.size, transform=grid.transform, fill=0, dtype="uint8"
        )
    return burnt


def check_outlines(path: Path, geometries: Sequence[Geometry], crs: str) -> None:
    """Raises FullconvError if `crs` is not known, or if a geometry has no area or coordinates that cannot be of it."""
    with _any_geometry(f"{path}: outlines"):
        checked_crs(crs)
    flat = next((kind for each in geometries if (kind := each.get("type")) not in AREAS), None)
    if flat:
        raise FullconvError(f"{path}: a {flat} has no area; give polygons, such as a buffer around each line or point")
    if not geometries or not crs.upper().endswith(DEGREES):
        return
    left, bottom, right, top = _box(path, geometries)
    if max(-left, right) > 2 * 180 or max(-bottom, top) > 90:  # beyond 180 on the other side of the date line
        raise FullconvError(
            f"{path}: {left:g},{bottom:g} to {right:g},{top:g} are no degrees of longitude and latitude; "
            "name the coordinate system as `crs` in the file, or export it again in EPSG:4326"
        )


def lies_on(grid: Grid, path: Path, geometries: Sequence[Geometry], crs: str) -> bool:
    """Whether the box around all `geometries` of the file `path` touches the picture."""
    rasterio = import_rasterio()
    height, width = grid.size
    corners = Georeference("", tuple(grid.transform)[:6]).place(
        np.array([(0, 0), (width, 0), (0, height), (width, height)], np.float64)
    )
    with _any_geometry(f"{path}: outlines"):
        left, bottom, right, top = rasterio.warp.transform_bounds(checked_crs(crs), grid.crs, *_box(path, geometries))
    return bool(((left, bottom) <= corners.max(0)).all() and ((right, top) >= corners.min(0)).all())


def grid_of(picture: Path) -> Grid:
    """Raises FullconvError if the picture is not on the ground."""
    with open_raster(picture, page=directory_of(picture, 0)[0]) as opened:
        raster = opened.dataset
        if raster.crs is None:
            raise FullconvError(f"{picture}: has no coordinate system; geographic outlines need a GeoTIFF")
        return Grid(picture, raster.shape, raster.transform, raster.crs)


def _box(path: Path, geometries: Sequence[Geometry]) -> Box:
    """The box around all geometries."""
    bounds = import_rasterio().features.bounds
    with _any_geometry(f"{path}: outlines"):
        left, bottom, right, top = zip(*map(bounds, geometries), strict=True)
    return min(left), min(bottom), max(right), max(top)


@contextmanager
def _any_geometry(what: str) -> Iterator[None]:
    """Turns any error into one line, since a geometry can be anything."""
    try:
        yield
    except Exception as error:
        reason = reason_of(error).split("; ")[0]
        raise FullconvError(f"{what} cannot be read ({reason}); export the GeoJSON again") from None
