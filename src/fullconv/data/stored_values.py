"""Reads what is stored in a mask, upright: numbers, which decoders would scale to 255 if they have few bits, or
colours."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from fullconv.damage import as_one_line
from fullconv.errors import FullconvError
from fullconv.georeference import import_rasterio
from fullconv.images import LARGEST_IN_MEMORY, directory_of, upright
from fullconv.raster import Raster, open_raster
from fullconv.tiff import SAMPLES

WITH_ALPHA, OPAQUE = ("LA", "PA"), 255
SINGLE_CHANNEL = ("P", "L", "1", "F", "I", "I;16", "I;16B", *WITH_ALPHA)  # whether alpha matters: has_two_channels
TIFFS = (".tif", ".tiff")
FEW_BITS = re.compile(r"[L1](?:;(?P<bits>\d?)(?P<inverted>I?)R?)?")  # Pillow's names for how grey values are stored
NO_DATA = 42113  # a TIFF tag defined by GDAL


def has_two_channels(picture: Image.Image) -> bool:
    """Whether a picture in one of these modes has a second channel, other than alpha that is the same everywhere, or
    transparent exactly where the first channel is 0, as image editors save white objects on nothing."""
    if picture.mode not in WITH_ALPHA:
        return int(getattr(picture, "tag_v2", {}).get(SAMPLES, 1)) > 1  # of a TIFF; Pillow reads the first alone
    how = _decoding(picture)
    values, alpha = np.moveaxis(np.asarray(picture), 2, 0)
    says_more = bool(np.ptp(alpha)) and not np.array_equal(alpha, np.where(values, OPAQUE, 0))
    return says_more or picture.mode not in (how, how[0] if how else "")  # 16 bits lose half of their values


def stored_values(picture: Image.Image) -> NDArray[Any]:
    """HxW: palette indices, grey values of 1, 2, 4, 8, 16 or 32 bits, or floats, as stored in the file."""
    how = _decoding(picture)
    values = np.array(upright(picture))
    if picture.mode in WITH_ALPHA:
        return values[..., 0]
    if picture.format == "PPM" and isinstance(how, tuple):
        white = 65535 if picture.mode == "I" else 255
        return np.round(values * (int(how[1]) / white)).astype(np.int64)  # a PGM states the number of its white
    found = FEW_BITS.fullmatch(how if isinstance(how, str) else str(how[0]) if how else "")
    if found is None:
        return values
    if picture.mode == "1":
        return (values ^ bool(found["inverted"])).astype(np.uint8)
    if found["inverted"]:
        values = 255 - values
    return values // (255 // (2 ** int(found["bits"] or 8) - 1))


def stored_colours(picture: Image.Image) -> NDArray[np.uint8]:
    """HxWx3: the colours of any picture, without regard to transparency."""
    return np.array(upright(picture).convert("RGB"))


def no_data(picture: Image.Image) -> float | None:
    """Returns the number that GDAL wrote for pixels without data."""
    try:
        return float(getattr(picture, "tag_v2", {}).get(NO_DATA, "").strip("\0 "))
    except (ValueError, AttributeError):
        return None


def raster_values(path: Path, reason: str) -> tuple[NDArray[Any], float | None]:
    """(bands, H, W) of a TIFF that Pillow cannot read for `reason`, and its nodata value, through rasterio."""
    try:
        import_rasterio()
    except FullconvError:
        raise FullconvError(
            f"{path}: a damaged TIFF ({reason}), or one that needs: pip install 'fullconv[geo]'"
        ) from None
    number, _ = directory_of(path, 0)
    with as_one_line(path, "a mask", "copy it again from its source"), open_raster(path, page=number) as raster:
        if raster.size[0] * raster.size[1] > LARGEST_IN_MEMORY:
            raise FullconvError(f"{path}: a mask of more than {LARGEST_IN_MEMORY // 10**6} megapixels; split it")
        stored = np.moveaxis(raster.dataset.read(_informative(raster)), 0, 2)
        return np.moveaxis(raster.turned(stored), 2, 0), raster.dataset.nodata


def _informative(raster: Raster) -> list[int]:
    """Returns the numbers of all bands, without those of an alpha that is the same everywhere."""
    alpha = [number for number in raster.dataset.indexes if number not in raster.bands]
    return [n for n in raster.dataset.indexes if n not in alpha or np.ptp(raster.dataset.read(n))]


def _decoding(picture: Image.Image) -> Any:
    """Returns the settings of Pillow's decoder, which disappear once the pixels are read."""
    tiles = picture.tile if isinstance(picture, ImageFile.ImageFile) else []
    return tiles[0].args if tiles else None
