"""How large parts of a picture are on the ground (extra `geo`).

Their corners are placed in a map that keeps areas, EPSG:6933, so degrees and the stretched metres of web maps give
square metres of the ground, too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fullconv.georeference import Georeference, import_rasterio
from fullconv.outputs.mosaic import Part

EQUAL_AREA = "EPSG:6933"


def cell_areas(georeference: Georeference, parts: Sequence[Part]) -> NDArray[np.float64] | None:
    """(parts,) square metres; None where the coordinate system says nothing of the earth."""
    if not georeference.crs:
        return None
    corners = np.array([corners_of(part) for part in parts], float)  # (parts, 4, 2)
    rasterio = import_rasterio()
    placed = georeference.place(corners.reshape(-1, 2))
    try:
        x, y = rasterio.warp.transform(georeference.crs, EQUAL_AREA, placed[:, 0], placed[:, 1])
    except rasterio.errors.RasterioError:
        return None
    flat = np.column_stack([x, y]).reshape(corners.shape)
    ahead = np.roll(flat, -1, axis=1)
    areas = np.abs((flat[..., 0] * ahead[..., 1] - flat[..., 1] * ahead[..., 0]).sum(1)) / 2
    return areas if np.isfinite(areas).all() else None


def corners_of(part: Part) -> list[tuple[int, int]]:
    """x, y of each, once around."""
    rows, columns = part
    return [
        (columns.start, rows.start), (columns.stop, rows.start), (columns.stop, rows.stop), (columns.start, rows.stop),
    ]  # fmt: skip
