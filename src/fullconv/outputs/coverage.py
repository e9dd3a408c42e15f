"""The regions of a label map as polygons (extra `geo`).

The steps along pixel borders are simplified once for both neighbours (a coverage, in shapely's terms), so that they
still share their border: no gaps, no overlaps.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullconv.errors import missing_extra
from fullconv.outputs.regions import Region, Ring, regions


def coverage(labels: NDArray[np.integer], simplify: float) -> list[tuple[Region, Any]]:
    """Returns every region with its polygon (shapely's), in pixels from the upper left corner. Borders move by at most
    about `simplify` pixels; those of the whole label map (H, W) do not move."""
    shapely, found = shapely_library(), regions(labels)
    corners = _corners(labels)
    shapes = [_shape(shapely, region, corners) for region in found]
    if simplify and shapes:
        shapes = list(shapely.coverage_simplify(shapes, simplify, simplify_boundary=False))
    return list(zip(found, shapes, strict=True))


def _shape(shapely: Any, region: Region, corners: NDArray[np.bool_]) -> Any:
    return shapely.Polygon(_points(region.outline, corners), [_points(hole, corners) for hole in region.holes])


def _corners(labels: NDArray[np.integer]) -> NDArray[np.bool_]:
    """(H + 1, W + 1): pixel corners where a border turns or three regions meet. Neighbours must share these points; a
    point in the middle of a straight border belongs to neither."""
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


def shapely_library() -> Any:
    """Imports shapely. Raises FullconvError if it is not installed."""
    try:
        import shapely
    except ImportError:
        raise missing_extra("shapely", "geo") from None
    return shapely
