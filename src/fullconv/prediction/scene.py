"""A raster on disk as a picture of any size: parts of it, as the network takes them (extra `geo`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fullconv.data.bands import is_plain, tiff_tags
from fullconv.errors import FullconvError
from fullconv.georeference import Georeference, import_rasterio
from fullconv.images import ImageArray

GEOTIFF, NODATA, WIDTH, HEIGHT, SAMPLE_FORMAT = (33550, 33922, 34264, 34735), 42113, 256, 257, 339  # TIFF tags
FLOAT = 3
SAMPLES, SAMPLE = 12, 64  # a range is taken from 12x12 places of 64x64 pixels
PERCENTILES = (2.0, 98.0)  # as QGIS stretches by default

Part = tuple[slice, slice]  # rows, columns; may go past the raster's end
Range = tuple[float, float]


@dataclass(frozen=True)
class Reading:
    """What of a raster's values becomes red, green and blue: `bands`, from 1 on, and the `range` that becomes 0–255.

    Without bands the first three, or the only one for all three. Without a range 8-bit values are taken as they are,
    others from their 2nd to their 98th percentile over the scene, one range for all bands.
    """

    bands: tuple[int, ...] = ()
    range: Range | None = None

    def __post_init__(self) -> None:
        if self.range and not self.range[0] < self.range[1]:
            raise FullconvError(f"--range {self.range[0]:g},{self.range[1]:g}: give the lower value first")


@dataclass(frozen=True)
class Scene:
    """An open raster. It must not be read from two threads at once."""

    path: Path
    dataset: Any  # rasterio's
    bands: tuple[int, ...]
    range: Range | None  # None: 8-bit values as they are
    blank: tuple[float, ...] = field(repr=False)  # what the network sees where there is no data

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)"""
        return self.dataset.height, self.dataset.width

    @cached_property
    def georeference(self) -> Georeference | None:
        """None for a raster that lies nowhere."""
        crs, transform = self.dataset.crs, self.dataset.transform
        if crs is None and transform.is_identity:
            return None
        return Georeference(crs.to_wkt() if crs else "", tuple(transform)[:6], crs.to_epsg() if crs else None)

    def look(self, part: Part) -> tuple[ImageArray, NDArray[np.bool_]]:
        """((H, W, C) uint8, (H, W): where there is data) of rows and columns, as far as the raster goes."""
        with readable(self.path):
            values = self.dataset.read(list(self.bands), window=self._window(part))  # (C, H, W)
        valid = self.valid(part) & np.isfinite(values).all(0)
        image = np.ascontiguousarray(np.moveaxis(scaled(values, self.range), 0, 2))
        image[~valid] = np.round(self.blank)
        return image, valid

    def read(self, part: Part) -> ImageArray:
        return self.look(part)[0]

    def rgb(self, part: Part) -> ImageArray:
        """(H, W, 3), to be looked at: the first three of the network's bands, or its first as grey."""
        image = self.read(part)
        return np.ascontiguousarray(image[..., :3] if image.shape[2] >= 3 else image[..., [0, 0, 0]])

    def valid(self, part: Part) -> NDArray[np.bool_]:
        """(H, W): where a nodata value, a mask or an alpha band does not say that there is nothing, in any band."""
        window = self._window(part)
        if self._complete:
            return np.ones([stop - start for start, stop in window], bool)
        with readable(self.path):
            return self.dataset.dataset_mask(window=window) > 0

    @cached_property
    def _complete(self) -> bool:
        """Whether nothing in the file can say that a pixel has no data."""
        return all("all_valid" in str(flag) for flags in self.dataset.mask_flag_enums for flag in flags)

    def _window(self, part: Part) -> tuple[tuple[int, int], tuple[int, int]]:
        (rows, columns), (height, width) = part, self.size
        return (rows.start, min(rows.stop, height)), (columns.start, min(columns.stop, width))


def is_scene(path: Path) -> bool:
    """Whether a TIFF is a raster rather than a photo: it lies on the ground, says where it has no data, has bands or
    values that no photo has, or more pixels than Pillow likes. Virtual rasters (.vrt) are."""
    if path.suffix.lower() == ".vrt":
        return True
    if not path.is_file():
        return False
    tags = tiff_tags(path)
    special = any(tag in tags for tag in (*GEOTIFF, NODATA)) or FLOAT in np.atleast_1d(tags.get(SAMPLE_FORMAT, 1))
    pixels = int(tags.get(WIDTH, 0)) * int(tags.get(HEIGHT, 0))
    return special or not is_plain(path) or pixels > (Image.MAX_IMAGE_PIXELS or pixels)


@contextmanager
def open_scene(path: Path, reading: Reading, blank: tuple[float, ...]) -> Iterator[Scene]:
    """The raster as a network of len(blank) channels sees it; `blank` is what stands where there is no data.

    Raises FullconvError for a file that is no raster, and bands that it has not.
    """
    rasterio = import_rasterio()
    with readable(path):
        dataset = rasterio.open(path)
    with dataset:
        bands = choose_bands(path, dataset, reading.bands, len(blank))
        scene = Scene(path, dataset, bands, reading.range, blank)
        if reading.range is None and any(dataset.dtypes[band - 1] != "uint8" for band in bands):
            scene = Scene(path, dataset, bands, usual_range(scene), blank)
        yield scene


def choose_bands(path: Path, dataset: Any, wanted: tuple[int, ...], channels: int) -> tuple[int, ...]:
    """Numbers of bands, as many as the network has channels. Raises FullconvError where that cannot be."""
    alpha = {i for i, kind in enumerate(dataset.colorinterp, start=1) if kind.name == "alpha"}
    data = [i for i in dataset.indexes if i not in alpha]
    bands = wanted or tuple(data[:channels])
    if len(bands) == 1 or (not wanted and len(data) < channels == 3):
        bands = bands[:1] * channels
    missing = [band for band in bands if band not in dataset.indexes]
    if missing or len(bands) != channels:
        told = f"--bands {','.join(map(str, wanted))}: " if wanted else ""
        raise FullconvError(
            f"{path}: {told}the model takes {channels} bands and the file has {dataset.count}; "
            f"name {channels} of them, as in --bands 3,2,1"
        )
    return bands


def scaled(values: NDArray[Any], limits: Range | None) -> NDArray[np.uint8]:
    """Values from the lower limit to the upper become 0–255, those beyond 0 and 255; without limits they are so."""
    if limits is None:
        return values.astype(np.uint8, copy=False)
    low, high = limits
    share = (values.astype(np.float32) - np.float32(low)) * np.float32(255 / (high - low))
    return np.nan_to_num(share, nan=0).clip(0, 255).round().astype(np.uint8)


def usual_range(scene: Scene) -> Range:
    """From the 2nd to the 98th percentile of values here and there in the scene, of all its bands together."""
    found = [_values(scene, part) for part in _places(scene.size)]
    if not any(map(len, found)):
        raise FullconvError(
            f"{scene.path}: no data found to take a range of values from; give it, as in --range 0,3000"
        )
    low, high = np.percentile(np.concatenate(found), PERCENTILES)
    return float(low), float(high) if high > low else float(low) + 1


def _places(size: tuple[int, int]) -> Iterator[Part]:
    starts = [sorted({int(s) for s in np.linspace(0, max(length - SAMPLE, 0), SAMPLES)}) for length in size]
    for row, column in product(*starts):
        yield slice(row, row + SAMPLE), slice(column, column + SAMPLE)


def _values(scene: Scene, part: Part) -> NDArray[Any]:
    with readable(scene.path):
        values = scene.dataset.read(list(scene.bands), window=scene._window(part))
    return values[:, scene.valid(part) & np.isfinite(values).all(0)].ravel()


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Raises FullconvError where rasterio cannot read what it should."""
    rasterio = import_rasterio()
    try:
        yield
    except rasterio.errors.RasterioError as error:
        missing = not path.exists()
        reason = "no such file" if missing else f"damaged raster ({' '.join(str(error).split())}); copy it again"
        raise FullconvError(f"{path}: {reason}") from None
