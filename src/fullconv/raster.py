"""Reads any window of a raster of any size, with any bands and values, by means of rasterio (extra `geo`)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fullconv.companions import VIRTUAL, check_companions, driver_of
from fullconv.damage import is_damage, reason_of, unavailable
from fullconv.errors import Damaged, FullconvError
from fullconv.georeference import NO_NETWORK, Georeference, import_rasterio, refuse_undecodable
from fullconv.orientation import UPRIGHT, orientation_of
from fullconv.raster_signs import File, stream_of
from fullconv.view import Known, Part, Pixels

MOST_OF_A_PIECE = 2**28  # pixels
FLIPS = {
    1: (0, 0),
    2: (0, 1),
    3: (1, 1),
    4: (1, 0),
    5: (0, 0),
    6: (1, 0),
    7: (1, 1),
    8: (0, 1),
}  # of stored rows and columns
TURNED = 5  # from this orientation on, rows and columns are exchanged


@dataclass(frozen=True)
class Raster:
    """An open raster, upright. It must not be read from two threads at once."""

    name: str
    dataset: Any  # rasterio's dataset
    orientation: int = UPRIGHT
    is_virtual: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)"""
        stored = self.dataset.height, self.dataset.width
        return stored[::-1] if self.orientation >= TURNED else stored

    @cached_property
    def georeference(self) -> Georeference | None:
        """None if the raster has no position on the ground, or a useless one."""
        with readable(self.name):
            crs, transform = self.dataset.crs, self.dataset.transform
            if transform.is_identity and (control := self._control):
                return Georeference("", tuple(transform)[:6], control=control)
            if self._is_lost or (crs is None and transform.is_identity):
                return None
            return Georeference(crs.to_wkt() if crs else "", tuple(transform)[:6], crs.to_epsg() if crs else None)

    @property
    def _control(self) -> dict[str, Any]:
        """What places a raster that has no transform: ground control points, or a sensor's coefficients."""
        points, crs = self.dataset.gcps
        if points:
            return {"gcps": points, "crs": crs}
        return {"rpcs": self.dataset.rpcs} if self.dataset.rpcs else {}

    @property
    def _is_lost(self) -> bool:
        """Whether the transform is not numbers, or puts all pixels on one line."""
        numbers = np.array(tuple(self.dataset.transform)[:6])
        return not np.isfinite(numbers).all() or self.dataset.transform.determinant == 0

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know about its position on the ground."""
        if self._is_lost:
            return ("the transform in the file is useless, so the results have no georeference",)
        if self.georeference is None or self.georeference.has_transform:
            return ()
        what = "ground control points" if "gcps" in self.georeference.control else "RPCs"
        return (f"placed by {what} only: GeoTIFFs keep them, polygons are in pixels; for a map, run gdalwarp first",)

    @property
    def keeps_scale(self) -> bool:
        """Whether its pixels have a fixed scale."""
        return self.is_virtual or self.georeference is not None

    @cached_property
    def palette(self) -> NDArray[np.uint8] | None:
        """Returns (values, 3), the colour of each value, if the values are indices of colours."""
        if self.dataset.count != 1 or self.dataset.colorinterp[0].name != "palette":
            return None
        table = self.dataset.colormap(1)
        colours = np.zeros((max(table) + 1, 3), np.uint8)
        colours[list(table)] = [colour[:3] for colour in table.values()]
        return colours

    @cached_property
    def bands(self) -> tuple[int, ...]:
        """The file's numbers of the bands that hold data: all except alpha."""
        kinds = [kind.name for kind in self.dataset.colorinterp]
        return tuple(i for i, kind in enumerate(kinds, start=1) if kind != "alpha") or self.dataset.indexes

    @cached_property
    def inks(self) -> bool:
        return [kind.name for kind in self.dataset.colorinterp[:4]] == ["cyan", "magenta", "yellow", "black"]

    @property
    def count(self) -> int:
        """The number of bands after conversion to RGB."""
        return 3 if self.palette is not None or self.inks else len(self.bands)

    @property
    def kind(self) -> np.dtype[Any]:
        """The type that holds the values of all bands."""
        return np.dtype(np.uint8) if self.palette is not None else np.result_type(*self.dataset.dtypes)

    def read(self, part: Part, numbers: tuple[int, ...] = ()) -> Pixels:
        """Returns (H, W, C) for these rows and columns, as far as the raster extends: the bands with these numbers, or
        all."""
        wanted = numbers or tuple(range(1, self.count + 1))
        values = self._read(part, self._stored(wanted))
        if self.palette is not None:
            colours: Pixels = self.palette[np.minimum(values[..., 0], len(self.palette) - 1)]
        elif self.inks:
            colours = rgb_of_inks(values)
        else:
            return self._brightness(values)
        return colours[..., [number - 1 for number in wanted]]

    def known(self, part: Part, numbers: tuple[int, ...] = ()) -> Known:
        """Returns (H, W, C): where the bands with these numbers, or all, have data, by nodata values, masks and alpha
        bands. C is 1 if nothing tells the bands apart."""
        window = self._window(part)
        if self._complete:
            return self.turned(np.ones([stop - start for start, stop in window], bool))[..., None]
        with readable(self.name):
            masks = self.dataset.read_masks(list(self._masked(numbers)), window=window) > 0
            for alpha in self._alphas:
                masks &= self.dataset.read(alpha, window=window) > 0
        if self.inks:
            masks = masks.any(0, keepdims=True)
        return np.ascontiguousarray(self.turned(np.moveaxis(masks, 0, 2)))

    def _stored(self, numbers: tuple[int, ...]) -> tuple[int, ...]:
        """Returns the file's numbers of the bands that hold what these numbers ask for."""
        if self.palette is not None or self.inks:
            return (1,) if self.palette is not None else (1, 2, 3, 4)
        return tuple(self.bands[number - 1] for number in numbers)

    def _masked(self, numbers: tuple[int, ...]) -> tuple[int, ...]:
        """Returns the file's numbers of the bands whose masks count: one if all have the same mask."""
        stored = self._stored(numbers or tuple(range(1, self.count + 1)))
        flags = [self.dataset.mask_flag_enums[number - 1] for number in stored]
        alike = len(set(stored)) == 1 or all("per_dataset" in str(flag) for flag in flags)
        return stored[:1] if alike else stored

    def _read(self, part: Part, bands: tuple[int, ...]) -> Pixels:
        with readable(self.name):
            values = self.dataset.read(list(bands), window=self._window(part))
        return np.ascontiguousarray(self.turned(np.moveaxis(values, 0, 2)))

    @cached_property
    def _levels(self) -> tuple[bool, int]:
        """Returns (whether 0 is white, the largest value that fits in the bits used)."""
        bits = int(self.dataset.tags(1, ns="IMAGE_STRUCTURE").get("NBITS", 8 * self.kind.itemsize))
        return self.dataset.tags(ns="IMAGE_STRUCTURE").get("MINISWHITE") == "YES", 2**bits - 1

    def _brightness(self, values: Pixels) -> Pixels:
        """Scales greys of fewer than 8 bits to 0–255, with 0 as black."""
        inverted, top = self._levels
        if values.dtype.kind != "u":
            return values
        values = values.dtype.type(top) - values if inverted else values
        return values * np.uint8(255 // top) if top < 255 else values

    @cached_property
    def _complete(self) -> bool:
        """Whether nothing in the file can mark a pixel as having no data."""
        flags = [self.dataset.mask_flag_enums[number - 1] for number in self._stored(tuple(range(1, self.count + 1)))]
        return not self._alphas and all("all_valid" in str(flag) for flag in flags)

    @cached_property
    def _alphas(self) -> tuple[int, ...]:
        return tuple(number for number in self.dataset.indexes if number not in self.bands)

    def _window(self, part: Part) -> tuple[tuple[int, int], tuple[int, int]]:
        """Returns the window in rows and columns as stored."""
        spans = [(s.start, min(s.stop, length)) for s, length in zip(part, self.size, strict=True)]
        spans = spans[::-1] if self.orientation >= TURNED else spans
        stored = zip(spans, FLIPS[self.orientation], (self.dataset.height, self.dataset.width), strict=True)
        rows, columns = ((n - stop, n - start) if flip else (start, stop) for (start, stop), flip, n in stored)
        return rows, columns

    def turned(self, stored: NDArray[Any]) -> NDArray[Any]:
        """Returns (H, W, …) upright."""
        rows, columns = FLIPS[self.orientation]
        upright = stored[:: -1 if rows else 1, :: -1 if columns else 1]
        return upright.swapaxes(0, 1) if self.orientation >= TURNED else upright


def rgb_of_inks(values: Pixels) -> Pixels:
    """Converts (H, W, 4) cyan, magenta, yellow and black to (H, W, 3) RGB of 8 bits, as Pillow does."""
    if values.dtype == np.uint8:
        return np.asarray(Image.frombytes("CMYK", values.shape[1::-1], values.tobytes()).convert("RGB"))
    top = np.iinfo(values.dtype).max if values.dtype.kind in "ui" else 1.0
    light = 1 - values / np.float64(top)
    return (light[..., :3] * light[..., 3:] * top).round().astype(values.dtype)


@contextmanager
def open_raster(source: File, name: str = "", page: int = 0, outside: Sequence[str] = ()) -> Iterator[Raster]:
    """Opens page `page` (a directory, from 0) of a file or of its bytes. Raises FullconvError if it is not a raster, or
    if it refers to files outside its own folder and the folders `outside`."""
    rasterio = import_rasterio()
    name = name or str(source)
    with ExitStack() as stack:
        is_virtual = isinstance(source, Path) and source.suffix.lower() == VIRTUAL
        with readable(name):
            if isinstance(source, bytes):
                place = stack.enter_context(rasterio.io.MemoryFile(source)).name
            else:
                place = _checked(source, outside)
            driver = driver_of(source)
            if driver is None:
                raise ValueError("no TIFF, PNG, JPEG, JPEG 2000, BMP, GIF or WebP")
            where = f"GTIFF_DIR:{page + 1}:{place}" if page else place
            dataset = stack.enter_context(rasterio.open(where, driver=driver))
            _refuse_large_pieces(dataset)
            _refuse_complex(dataset, name)
        raster = Raster(name, dataset, is_virtual=is_virtual)
        if raster.georeference is None:
            with stream_of(source) as file:
                raster = Raster(name, dataset, orientation_of(file, page), is_virtual)
        yield raster


def _checked(source: Path, outside: Sequence[str]) -> str:
    """Returns an absolute path, which GDAL cannot take for a URL."""
    if not source.is_file():
        raise FullconvError(f"{source}: no such file")
    check_companions(source, outside)
    refuse_undecodable(os.path.abspath(source))
    return os.path.abspath(source)


def _refuse_large_pieces(dataset: Any) -> None:
    """Raises FullconvError if the file is stored in very large pieces: a piece is decoded at once, even for a small
    window."""
    rows, columns = max(dataset.block_shapes, key=lambda shape: shape[0] * shape[1])
    if rows * columns > MOST_OF_A_PIECE:
        raise ValueError(f"stored in pieces of {columns}x{rows} pixels; tile it with gdal_translate -co TILED=YES")


def _refuse_complex(dataset: Any, name: str) -> None:
    if any(kind.startswith("complex") for kind in dataset.dtypes):
        raise FullconvError(f"{name}: complex values; export amplitude or phase first")


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Raises FullconvError if rasterio cannot read the file."""
    rasterio = import_rasterio()
    try:
        with rasterio.Env(**NO_NETWORK):  # for this thread; a virtual raster opens its files when it is read
            yield
    except FullconvError:
        raise
    except Exception as error:  # GDAL's errors, and those of rasterio for unexpected numbers
        if not is_damage(error):
            raise unavailable(name, error) from None
        if isinstance(error, rasterio.errors.RasterioError) and "No such file" in str(error):
            raise FullconvError(f"{name}: no such file") from None
        # the damage may be in a file that the .vrt refers to
        kind = FullconvError if name.lower().endswith(VIRTUAL) else Damaged
        raise kind(f"{name}: damaged raster ({reason_of(error)}); copy it again") from None
