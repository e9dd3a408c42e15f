"""Where on the ground a picture's pixels lie; and rasterio, which knows (extra `geo`)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from fullconv.errors import missing_extra

Affine = tuple[float, float, float, float, float, float]


@dataclass(frozen=True)
class Georeference:
    """`crs`: the coordinate system in WKT, "" where only the transform is known; `epsg`: its number, where it has one.

    `transform` (a, b, c, d, e, f): column x, row y → a x + b y + c, d x + e y + f; (0, 0) is the first pixel's corner.
    """

    crs: str
    transform: Affine
    epsg: int | None = None

    def place(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, 2) x, y in pixels → (N, 2) in the coordinate system."""
        a, b, c, d, e, f = self.transform
        return points @ np.array([(a, d), (b, e)]) + (c, f)


def import_rasterio() -> ModuleType:
    """rasterio and what is used of it. Raises FullconvError where it is not installed."""
    try:
        import rasterio
        import rasterio.enums
        import rasterio.errors
        import rasterio.features
        import rasterio.warp
    except ImportError:
        raise missing_extra("rasterio", "geo") from None
    warnings.filterwarnings("ignore", category=rasterio.errors.NotGeoreferencedWarning)  # such rasters are welcome
    warnings.filterwarnings("ignore", category=rasterio.errors.NodataShadowWarning)  # either says where data are
    return rasterio
