"""Mask files → values: palette, grey and colour masks; and tables of what the values mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fullconv import images
from fullconv.classes import VOID, Classes, Colour, voc_colour
from fullconv.errors import FullconvError

LabelMap = NDArray[np.uint8]
Lookup = NDArray[np.int16]  # (256,): mask value → class index, void, or -1 where the value is no class
SINGLE_CHANNEL = ("P", "L", "1", "I", "I;16", "I;16B")


def read_mask(path: Path) -> LabelMap:
    """HxW: the values of a single-channel mask file, palette or grey; 16 bits where no value is above 255."""
    with opened(path) as picture:
        if picture.mode not in SINGLE_CHANNEL:
            raise FullconvError(
                f"{path}: a mask has one channel of class indices, this one is {picture.mode}; "
                "save it as a palette or 8-bit grey PNG, or give the classes' `colours` in a data YAML"
            )
        return byte_values(np.array(picture.convert("L") if picture.mode == "1" else picture), path)


def read_index_or_colour(path: Path, colours: Sequence[Colour]) -> LabelMap:
    """HxW: a single-channel mask's values, or for a colour mask each pixel's position in `colours`."""
    with opened(path) as picture:
        single = picture.mode in SINGLE_CHANNEL
    return read_mask(path) if single else read_colours(path, colours)


def read_colours(path: Path, colours: Sequence[Colour]) -> LabelMap:
    """HxW: each pixel's position in `colours`; the palette's void colour is void. Any other colour is an error."""
    with opened(path) as picture:
        codes = colour_codes(np.array(picture.convert("RGB")))
    known = {_code(voc_colour(VOID)): VOID, **{_code(colour): i for i, colour in enumerate(colours)}}
    values, strange = translate(codes, known)
    if strange.any():
        code = int(codes[strange][0])
        colour = [code >> 16, code >> 8 & 255, code & 255]
        raise FullconvError(
            f"{path}: colour {colour} belongs to no class ({strange.sum()} pixels in all); name it in the data YAML, "
            "or save the mask without smoothing or JPEG"
        )
    return values


def translate(codes: NDArray[np.uint32], table: Mapping[int, int]) -> tuple[LabelMap, NDArray[np.bool_]]:
    """(values, strange), both of the shape of `codes`: what the table says, and where it says nothing."""
    keys = np.array(sorted(table), np.uint32)
    position = np.searchsorted(keys, codes).clip(max=len(keys) - 1)
    return np.array([table[key] for key in keys.tolist()], np.uint8)[position], keys[position] != codes


def colour_codes(rgb: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """HxW: 0xRRGGBB of an HxWx3 picture."""
    red, green, blue = np.moveaxis(rgb.astype(np.uint32), 2, 0)
    return red << 16 | green << 8 | blue


def byte_values(values: NDArray[np.generic], path: Path) -> LabelMap:
    """The same values as uint8. Raises FullconvError where one is below 0 or above 255."""
    if values.dtype == np.uint8:
        return values.astype(np.uint8, copy=False)
    low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
    if low < 0 or high > VOID:
        raise FullconvError(f"{path}: mask values {low} to {high}; class indices are 0 to 254, and 255 is void")
    return values.astype(np.uint8)


def identity_lookup(classes: Classes) -> Lookup:
    """Values 0 … n-1 and void stand for themselves; no other is a class."""
    return value_lookup({**{i: i for i in range(len(classes))}, classes.void: classes.void})


def value_lookup(values: Mapping[int, int]) -> Lookup:
    """The table of {mask value: class index or void}; every other value is no class."""
    lookup = np.full(256, -1, np.int16)
    for value, index in values.items():
        lookup[value] = index
    return lookup


@contextmanager
def opened(path: Path, what: str = "mask") -> Iterator[Image.Image]:
    """The file open, upright once it is loaded. Whatever Pillow cannot read, and several pages, are one line."""
    with images.opened(path, str(path), what) as picture:
        pages = images.page_numbers(picture)
        if len(pages) > 1:
            raise FullconvError(f"{path}: {len(pages)} pages, and a {what} has one; save each as a file of its own")
        yield picture


def _code(colour: Sequence[int]) -> int:
    red, green, blue = colour
    return red << 16 | green << 8 | blue
