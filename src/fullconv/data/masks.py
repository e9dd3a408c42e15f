"""Reads the values of mask files, and builds tables of what the values mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fullconv import images
from fullconv.classes import VOID, Classes, LabelMap
from fullconv.data.stored_values import (
    SINGLE_CHANNEL,
    TIFFS,
    has_two_channels,
    no_data,
    raster_values,
    stored_values,
)
from fullconv.errors import FullconvError

WHITE, WHITE_OF_16_BITS = 255, 65535
Lookup = NDArray[np.int16]  # (256,): mask value → class index, void, or -1 if the value is not a class


def read_mask(path: Path) -> LabelMap:
    """HxW: the values in a single-channel mask file: palette, grey of any depth, or floats that are whole numbers.

    NaN, and the file's nodata value, are void unless they are a mask value.
    """
    return read_picture(
        path, partial(picture_values, path), lambda bands, nothing: byte_values(_only(bands, path), path, nothing)
    )


def read_picture(
    path: Path, read: Callable[[Image.Image], LabelMap], of_raster: Callable[[NDArray[Any], float | None], LabelMap]
) -> LabelMap:
    """Reads through Pillow, or through rasterio if Pillow does not know the kind of TIFF (64 bits, LERC)."""
    try:
        with opened(path) as picture:
            return read(picture)
    except images.Undecodable as error:
        if path.suffix.lower() not in TIFFS:
            raise
        return of_raster(*raster_values(path, error.reason))


def picture_values(path: Path, picture: Image.Image) -> LabelMap:
    if picture.mode not in SINGLE_CHANNEL:
        raise FullconvError(
            f"{path}: a mask has one channel of class indices, but this one is {picture.mode}; "
            "save it as a palette or 8-bit grey PNG, or give the classes' `colours` in a data YAML"
        )
    if has_two_channels(picture):
        raise several_channels(path, 2)
    return byte_values(stored_values(picture), path, no_data(picture))


def _only(bands: NDArray[Any], path: Path) -> NDArray[Any]:
    if len(bands) != 1:
        raise several_channels(path, len(bands))
    return np.asarray(bands[0])


def several_channels(path: Path, count: int) -> FullconvError:
    return FullconvError(
        f"{path}: a mask has one channel of class indices, but this one has {count}; "
        "save the one with the classes alone, without transparency (gdal_translate -b 1)"
    )


def byte_values(values: NDArray[Any], path: Path, nothing: float | None = None) -> LabelMap:
    """Returns the values as uint8. NaN is void, and so is `nothing`, unless it is a mask value itself. White of 16 bits
    becomes that of 8 bits if there is only black beside it.

    Raises FullconvError for numbers other than 0 to 255.
    """
    if values.dtype == np.uint8:
        return values.astype(np.uint8, copy=False)
    if values.dtype.kind not in "biuf":
        raise FullconvError(
            f"{path}: mask values have type {values.dtype}; class indices are whole numbers from 0 to 254"
        )
    if values.max() == WHITE_OF_16_BITS and np.isin(values, (0, WHITE_OF_16_BITS)).all():
        return np.where(values, np.uint8(WHITE), np.uint8(0))
    whole = values.astype(np.float64)
    wrong = ~((whole >= 0) & (whole <= VOID) & (whole == np.floor(whole)))  # includes NaN
    void = np.isnan(whole) | (False if nothing is None else np.isclose(whole, nothing, rtol=1e-6))
    whole[wrong & void] = VOID
    strange = whole[wrong & ~void]
    if strange.size:
        raise FullconvError(
            f"{path}: mask values range from {values.min():g} to {values.max():g}, such as {strange[0]:g}; "
            "class indices are whole numbers from 0 to 254, and 255 is void"
        )
    return whole.astype(np.uint8)


def identity_lookup(classes: Classes) -> Lookup:
    """Values 0 … n-1 and void keep their meaning; no other value is a class."""
    return value_lookup({**{i: i for i in range(len(classes))}, classes.void: classes.void})


def shifted_lookup(classes: Classes) -> Lookup:
    """Value n is class n - 1, and 0 is void (mmsegmentation: reduce_zero_label)."""
    return value_lookup({**{i + 1: i for i in range(len(classes))}, 0: VOID, VOID: VOID})


def value_lookup(values: Mapping[int, int]) -> Lookup:
    """Returns the table for {mask value: class index or void}. No other value is a class."""
    lookup = np.full(256, -1, np.int16)
    for value, index in values.items():
        lookup[value] = index
    return lookup


@contextmanager
def opened(path: Path, what: str = "mask") -> Iterator[Image.Image]:
    """Opens the file. Any problem in Pillow, and several pages, become an error of one line.

    stored_values and stored_colours read it upright.
    """
    with images.opened(path, str(path), what) as picture:
        pages = images.page_numbers(picture)
        if len(pages) > 1:
            raise FullconvError(f"{path}: {len(pages)} pages, but a {what} has one; save each page as a separate file")
        if pages[0]:  # a thumbnail lies before it
            picture.seek(pages[0])
        yield picture
