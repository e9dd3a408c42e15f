"""Where on the ground a picture's pixels lie; and rasterio, which knows (extra `geo`)."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from fullconv.errors import FullconvError, missing_extra

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


# Nothing is fetched: addresses in files lead nowhere.
NO_NETWORK = {"CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none", "GDAL_VRT_ENABLE_PYTHON": "NO", "GDAL_HTTP_TIMEOUT": "1"}
CODES = re.compile(r"(EPSG:\d{1,6}|OGC:CRS\d\d\w?|urn:ogc:def:crs:(EPSG|OGC):[\d.]*:\w{1,12})", re.IGNORECASE)
WKT = re.compile(r"\s*(GEOGCS|PROJCS|GEOGCRS|GEODCRS|PROJCRS|COMPD_CS|COMPOUNDCRS|BOUNDCRS|LOCAL_CS|ENGCRS)\s*\[")


def checked_crs(text: str) -> str:
    """A coordinate system by its code or in WKT. Raises FullconvError for what PROJ would look up elsewhere: names of
    files, addresses, +init."""
    if not CODES.fullmatch(text.strip()) and not WKT.match(text):
        raise FullconvError(f"coordinate system {text[:80]!r}; give an EPSG or OGC code, or WKT")
    return text


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
