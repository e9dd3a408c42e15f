"""Computes the area of parts of a picture on the ground (extra `geo`).

Their outlines are placed in an equal-area map of the whole earth, or of the surroundings of a pole. Degrees, and the
distorted metres of web maps, therefore also give square metres on the ground.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fullconv.damage import is_damage
from fullconv.georeference import Georeference, import_rasterio
from fullconv.view import Part

EARTH, NORTH, SOUTH = "EPSG:6933", "EPSG:6931", "EPSG:6932"  # a cylinder; and maps centred on the poles
AROUND = 2 * 17_367_530.445  # metres: the width of EARTH
POLAR = 6.35e6  # metres: y in EARTH at 60 degrees
LEVEL = 1.0  # metres: a difference in y that does not count

Points = NDArray[np.float64]  # (parts, points, 2): x, y


def cell_areas(georeference: Georeference, parts: Sequence[Part]) -> NDArray[np.float64] | None:
    """(parts,) square metres. None if they are unknown: the coordinate system, or a point, is not on the earth."""
    if not georeference.crs:
        return None
    outlines = np.array([outline_of(part) for part in parts], float)
    placed = georeference.place(outlines.reshape(-1, 2)).reshape(outlines.shape)
    flat = _transformed(georeference.crs, EARTH, placed)
    if flat is None:
        return None
    areas = _areas(_unwrapped(flat))
    polar = _are_polar(flat)
    for place, there in ((NORTH, flat[:, 0, 1] > 0), (SOUTH, flat[:, 0, 1] <= 0)):
        if (polar & there).any():
            around_pole = _transformed(georeference.crs, place, placed[polar & there])
            if around_pole is None:
                return None
            areas[polar & there] = _areas(around_pole)
    return areas


def outline_of(part: Part) -> list[tuple[float, float]]:
    """x, y of each corner and of the middle of each side, in order around the part, from the upper left."""
    rows, columns = part
    (top, bottom), (left, right) = (rows.start, rows.stop), (columns.start, columns.stop)
    x, y = (left + right) / 2, (top + bottom) / 2
    return [
        (left, top), (x, top), (right, top), (right, y), (right, bottom), (x, bottom), (left, bottom), (left, y),
    ]  # fmt: skip


def _transformed(crs: str, to: str, points: Points) -> Points | None:
    """Returns the points in another system, or None if there is no way from one to the other."""
    try:
        moved = import_rasterio().warp.transform(crs, to, points[..., 0].ravel(), points[..., 1].ravel())
    except Exception as error:  # GDAL's, of many types
        if not is_damage(error):
            raise
        return None
    found = np.column_stack(moved).reshape(points.shape)
    return found if np.isfinite(found).all() else None


def _unwrapped(flat: Points) -> Points:
    """Returns points in EARTH such that none is half the earth away from the one before: at 180 degrees, x jumps."""
    x = np.unwrap(flat[..., 0], period=AROUND, axis=1)
    return np.stack([x, flat[..., 1]], axis=-1)


def _are_polar(flat: Points) -> NDArray[np.bool_]:
    """(parts,): which are near a pole, where EARTH bends straight lines. Parts between two parallels stay straight."""
    y = flat[..., 1]
    level = (np.ptp(y[:, :3], axis=1) < LEVEL) & (np.ptp(y[:, 4:7], axis=1) < LEVEL)
    return (np.abs(y).max(1) > POLAR) & ~level


def _areas(outlines: Points) -> NDArray[np.float64]:
    moved = outlines - outlines[:, :1]  # small numbers keep more digits
    ahead = np.roll(moved, -1, axis=1)
    found: NDArray[np.float64] = np.abs((moved[..., 0] * ahead[..., 1] - moved[..., 1] * ahead[..., 0]).sum(1)) / 2
    return found
