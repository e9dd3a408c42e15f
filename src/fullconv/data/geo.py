"""Draws outlines on the ground into the grid of a picture (extra `geo`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fullconv.classes import LabelMap
from fullconv.damage import reason_of
from fullconv.errors import FullconvError
from fullconv.georeference import checked_crs, import_rasterio
from fullconv.images import directory_of, refuse_large
from fullconv.raster import open_raster


def burn(picture: Path, shapes: Sequence[tuple[dict[str, Any], int]], crs: str) -> LabelMap:
    """Returns HxW on the grid of `picture`, from `(GeoJSON geometry in crs, value)` pairs. Later ones cover earlier
    ones; the rest is 0.

    A pixel belongs to a shape if its centre lies inside.
    """
    rasterio = import_rasterio()
    with open_raster(picture, page=directory_of(picture, 0)[0]) as opened:
        raster = opened.dataset
        if raster.crs is None:
            raise FullconvError(f"{picture}: has no coordinate system; geographic outlines need a GeoTIFF")
        size, transform, own = raster.shape, raster.transform, raster.crs
        refuse_large(size, str(picture), None)
    if not shapes:
        return np.zeros(size, np.uint8)
    try:
        checked_crs(crs)
        placed = [(rasterio.warp.transform_geom(crs, own, geometry), value) for geometry, value in shapes]
        burnt: LabelMap = rasterio.features.rasterize(
            placed, out_shape=size, transform=transform, fill=0, dtype="uint8"
        )
    except Exception as error:  # a geometry can be anything
        reason = reason_of(error).split("; ")[0]
        raise FullconvError(f"outlines for {picture} cannot be read ({reason}); export the GeoJSON again") from None
    return burnt
