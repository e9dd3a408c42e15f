"""Reads masks whose colours give the class: each pixel becomes the position of its colour in a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fullconv.classes import VOID, Colour, LabelMap, voc_colour
from fullconv.data.masks import byte_values, picture_values, read_picture, several_channels, value_lookup
from fullconv.data.stored_values import SINGLE_CHANNEL, WITH_ALPHA, stored_colours
from fullconv.errors import FullconvError
from fullconv.words import counted


def read_colours(path: Path, colours: Sequence[Colour]) -> LabelMap:
    """HxW: each pixel's position in `colours`. The palette's void colour is void. Any other colour is an error."""

    def of_raster(bands: NDArray[Any], nothing: float | None) -> LabelMap:
        return positions(_rgb(bands, path, nothing), path, colours)

    return read_picture(path, partial(_colour, path, colours), of_raster)


def read_index_or_colour(path: Path, colours: Sequence[Colour]) -> LabelMap:
    """HxW: each pixel's position in `colours`, or the values of a single-channel mask if it does not show these
    colours.

    A grey or palette mask is read by its colours if all of them are in the list, and by its values if none of the
    values contradicts that. Raises FullconvError if both readings would be wrong somewhere.
    """

    def of_raster(bands: NDArray[Any], nothing: float | None) -> LabelMap:
        rgb = _rgb(bands, path, nothing)
        return (
            values_or_positions(rgb[..., 0], rgb, path, colours) if len(bands) == 1 else positions(rgb, path, colours)
        )

    return read_picture(path, partial(_index_or_colour, path, colours), of_raster)


def positions(rgb: NDArray[np.uint8], path: Path, colours: Sequence[Colour]) -> LabelMap:
    """HxW: the class of each pixel of HxWx3, by its colour."""
    codes = colour_codes(rgb)
    values, strange = translate(codes, known_colours(colours))
    if strange.any():
        code = int(codes[strange][0])
        colour = [code >> 16, code >> 8 & 255, code & 255]
        count = counted(int(strange.sum()), "pixel")
        raise FullconvError(
            f"{path}: colour {colour} does not belong to a class ({count} in all); name it in the data "
            "YAML, or save the mask without smoothing or JPEG"
        )
    return values


def known_colours(colours: Sequence[Colour]) -> dict[int, int]:
    """{0xRRGGBB: position, or void}. White is void if the colours are indices, as 255 is in a grey mask."""
    void = [voc_colour(VOID), *([index_colour(VOID)] if are_indices(colours) else [])]
    return {**{_code(colour): VOID for colour in void}, **{_code(colour): i for i, colour in enumerate(colours)}}


def index_colour(value: int) -> Colour:
    """Returns the colour of a class index in a grey mask that was saved as RGB."""
    return value, value, value


def are_indices(colours: Sequence[Colour]) -> bool:
    """Whether colour i is [i, i, i]: grey masks of class indices, saved as RGB."""
    return all(tuple(colour) == index_colour(i) for i, colour in enumerate(colours))


def translate(codes: NDArray[np.uint32], table: Mapping[int, int]) -> tuple[LabelMap, NDArray[np.bool_]]:
    """Returns (values, unknown), both in the shape of `codes`: the table's values, and where the table has none."""
    keys = np.array(sorted(table), np.uint32)
    position = np.searchsorted(keys, codes).clip(max=len(keys) - 1)
    return np.array([table[key] for key in keys.tolist()], np.uint8)[position], keys[position] != codes


def colour_codes(rgb: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """HxW: 0xRRGGBB of an HxWx3 picture."""
    red, green, blue = np.moveaxis(rgb.astype(np.uint32), 2, 0)
    return red << 16 | green << 8 | blue


def _colour(path: Path, colours: Sequence[Colour], picture: Image.Image) -> LabelMap:
    if picture.mode in SINGLE_CHANNEL:
        return positions(_shown(picture_values(path, picture), picture), path, colours)
    return positions(stored_colours(picture), path, colours)


def _index_or_colour(path: Path, colours: Sequence[Colour], picture: Image.Image) -> LabelMap:
    if picture.mode in SINGLE_CHANNEL:
        values = picture_values(path, picture)
        return values_or_positions(values, _shown(values, picture), path, colours)
    return positions(stored_colours(picture), path, colours)


def values_or_positions(values: LabelMap, rgb: NDArray[np.uint8], path: Path, colours: Sequence[Colour]) -> LabelMap:
    """HxW, from values and their colours HxWx3."""
    known, codes = known_colours(colours), colour_codes(rgb)
    present, first = np.unique(values, return_index=True)
    seen = zip(present.tolist(), codes.ravel()[first].tolist(), strict=True)
    meant = {value: known.get(code, VOID if value == VOID else None) for value, code in seen}
    plain = [value for value, meaning in meant.items() if meaning is None]
    if not plain:
        return value_lookup({v: m for v, m in meant.items() if m is not None}).astype(np.uint8)[values]
    odd = [value for value, meaning in meant.items() if meaning not in (None, value)]
    if odd:
        raise FullconvError(
            f"{path}: value {odd[0]} has a colour listed in `colours`, but value {plain[0]} does not; give the mask "
            "values in the data YAML, names: [{name: …, labels: [value, …]}], or add the colour"
        )
    return values


def _shown(values: LabelMap, picture: Image.Image) -> NDArray[np.uint8]:
    """HxWx3: the colours of single-channel values. Values of more than 8 bits are shown as grey."""
    if picture.mode in ("P", "L", "1", *WITH_ALPHA):
        return stored_colours(picture)
    return np.stack([values] * 3, 2)


def _rgb(bands: NDArray[Any], path: Path, nothing: float | None) -> NDArray[np.uint8]:
    """HxWx3 from (bands, H, W). A single band is grey."""
    if len(bands) == 2:
        raise several_channels(path, 2)
    three = bands[:3] if len(bands) > 2 else bands[[0, 0, 0]]
    return np.stack([byte_values(band, path, nothing) for band in three], 2)


def _code(colour: Sequence[int]) -> int:
    red, green, blue = colour
    return red << 16 | green << 8 | blue
