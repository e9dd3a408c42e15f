"""The position of a picture's pixels on the ground, and the import of rasterio, which reads it (extra `geo`)."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullconv.errors import FullconvError, missing_extra

Affine = tuple[float, float, float, float, float, float]


@dataclass(frozen=True)
class Georeference:
    """A coordinate system and the affine transform from pixels to it.

    `crs`: the coordinate system in WKT, or "" if only the transform is known. `epsg`: its EPSG code, if it has one.
    `transform` (a, b, c, d, e, f): column x, row y → a x + b y + c, d x + e y + f; (0, 0) is the corner of the first
    pixel.

    `control`: what places a picture without a transform, as rasterio takes it to write it: ground control points (GCPs)
    or a sensor's coefficients (RPCs). Its crs is then "" and its transform the identity.
    """

    crs: str
    transform: Affine
    epsg: int | None = None
    control: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def has_transform(self) -> bool:
        """Whether `place` gives positions on the ground, rather than pixels."""
        return not self.control

    def place(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Converts points (N, 2), x and y in pixels, to the coordinate system."""
        a, b, c, d, e, f = self.transform
        return points @ np.array([(a, d), (b, e)]) + (c, f)


# GDAL must not fetch anything from URLs that are written in files.
NO_NETWORK = {"CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none", "GDAL_VRT_ENABLE_PYTHON": "NO", "GDAL_HTTP_TIMEOUT": "1"}
CODES = re.compile(r"(EPSG:\d{1,6}|OGC:CRS\d\d\w?|urn:ogc:def:crs:(EPSG|OGC):[\d.]*:\w{1,12})", re.IGNORECASE)
WKT = re.compile(r"\s*(GEOGCS|PROJCS|GEOGCRS|GEODCRS|PROJCRS|COMPD_CS|COMPOUNDCRS|BOUNDCRS|LOCAL_CS|ENGCRS)\s*\[")


def checked_crs(text: str) -> str:
    """Returns a coordinate system given by its code or in WKT. Raises FullconvError for anything that PROJ would look
    up elsewhere: file names, URLs, +init."""
    if not CODES.fullmatch(text.strip()) and not WKT.match(text):
        raise FullconvError(f"coordinate system {text[:80]!r}; give an EPSG or OGC code, or WKT")
    return text


def import_rasterio() -> ModuleType:
    """Imports rasterio and the submodules used here. Raises FullconvError if it is not installed."""
    try:
        import rasterio
        import rasterio.enums
        import rasterio.errors
        import rasterio.features
        import rasterio.warp
    except ImportError:
        raise missing_extra("rasterio", "geo") from None
    warnings.filterwarnings("ignore", category=rasterio.errors.NotGeoreferencedWarning)  # such rasters are allowed
    # either of the two shows where there is data
    warnings.filterwarnings("ignore", category=rasterio.errors.NodataShadowWarning)
    return rasterio


def refuse_undecodable(path: Path | str) -> None:
    """Raises FullconvError if rasterio cannot open the path: it takes UTF-8 only."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise FullconvError(f"{path}: the name of the file or of its folder is not UTF-8; rename it") from None


def is_of_rasterio(error: Exception) -> bool:
    """Whether rasterio or GDAL raised it. Their errors have no common type."""
    return type(error).__module__.partition(".")[0] == "rasterio"
