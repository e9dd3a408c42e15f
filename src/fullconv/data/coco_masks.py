"""Turns the annotations of one picture in COCO's JSON into its mask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullconv.classes import VOID, LabelMap
from fullconv.damage import reason_of
from fullconv.data.colour_masks import colour_codes, translate
from fullconv.data.masks import opened
from fullconv.data.polygons import fill
from fullconv.data.rle import decode, runs_of
from fullconv.data.stored_values import stored_colours
from fullconv.errors import FullconvError
from fullconv.images import exif_orientation
from fullconv.words import counted

UNQUESTIONED = 2**24  # pixels


@dataclass(frozen=True)
class Thing:
    """One object: its value in the mask and its outline (COCO's segmentation), or None and a box (x, y, w, h).

    `number` is the annotation's id, for error messages.
    """

    value: int
    outline: Any
    box: tuple[float, ...] | None = None
    number: Any = None


@dataclass(frozen=True)
class Outlines:
    """Draws things in the given order, later ones over earlier ones. The rest is `outside`.

    A box only says that something is in it: it becomes void, or the thing's region if `boxes` are regions.
    """

    image: Path
    size: tuple[int, int] | None  # (height, width) as in the JSON; None: the picture's own
    things: tuple[Thing, ...]
    outside: int = 0
    boxes: str = "void"

    @property
    def without_outline(self) -> tuple[int, ...]:
        """The values of the things that have only a box."""
        return tuple(thing.value for thing in self.things if thing.outline is None)

    def __call__(self, path: Path) -> LabelMap:
        """Returns (height, width). `path` is the annotation file, for error messages."""
        height, width = self.size or upright_size(self.image)
        refuse_claim((height, width), self.image, path)
        painted = np.full((height, width), self.outside, np.uint8)
        for thing in self.things:
            try:
                covered = pixels_of(thing, height, width)
            except Exception as error:  # an outline can be anything
                where = f"{path}: the outline of object {thing.number!r} in {self.image.name} cannot be read"
                raise FullconvError(f"{where} ({reason_of(error).split('; ')[0]}); export it again") from None
            painted[covered] = VOID if thing.outline is None and self.boxes == "void" else thing.value
        return painted


@dataclass(frozen=True)
class Segments:
    """The values of a panoptic PNG's segments; pixels of segment 0 are void."""

    values: Mapping[int, int]

    def __call__(self, path: Path) -> LabelMap:
        """Returns HxW. A segment's id is R + 256 G + 65536 B."""
        with opened(path) as picture:
            ids = colour_codes(stored_colours(picture)[..., ::-1])
        values, strange = translate(ids, {0: VOID, **self.values})
        if strange.any():
            raise FullconvError(f"{path}: segment {ids[strange][0]} is not in the JSON; use both from the same release")
        return values


def upright_size(image: Path) -> tuple[int, int]:
    """Returns (height, width) after the EXIF rotation."""
    with opened(image, "image") as picture:
        return picture.size if exif_orientation(picture) > 4 else (picture.height, picture.width)


def refuse_claim(said: tuple[int, int], image: Path, path: Path) -> None:
    """Raises FullconvError if a file claims a large size that its picture does not have: it would fill the memory.

    Small sizes are compared after the mask is read, by whatever reads the picture.
    """
    if said[0] * said[1] <= UNQUESTIONED:
        return
    own = upright_size(image)
    if said != own:
        raise FullconvError(
            f"{path}: says that {image.name} is {said[1]}x{said[0]}, but it is {own[1]}x{own[0]}; export it again"
        )


def pixels_of(thing: Thing, height: int, width: int) -> NDArray[np.bool_]:
    """(height, width)"""
    if thing.outline is not None:
        return region(thing.outline, height, width)
    if thing.box is None:
        raise ValueError("neither an outline nor a box")
    x, y, w, h = thing.box
    return fill(_corners([x, y, x + w, y, x + w, y + h, x, y + h]), height, width)


def region(segmentation: Any, height: int, width: int) -> NDArray[np.bool_]:
    """(height, width): from run lengths, or the union of polygons (each x, y, x, y, …)."""
    if isinstance(segmentation, dict):
        said = [int(side) for side in segmentation.get("size", (height, width))]
        if said != [height, width]:
            raise FullconvError(
                f"run lengths are for size {said}, but the picture is {[height, width]} (height, width)"
            )
        return decode(segmentation["counts"], height, width)
    covered = np.zeros((height, width), bool)
    for polygon in polygons(segmentation):
        covered |= fill(_corners(polygon), height, width)
    return covered


def area_of(segmentation: Any) -> float:
    """Returns the area of an outline: its polygons' or its run lengths'. It is 0 for an outline that cannot be read,
    which is reported where it is drawn."""
    try:
        if isinstance(segmentation, dict):
            return float(runs_of(segmentation["counts"])[1::2].sum())
        return sum(_enclosed(_corners(polygon)) for polygon in polygons(segmentation))
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError, FullconvError):
        return 0.0


def _enclosed(corners: NDArray[np.float64]) -> float:
    """Returns the area of a polygon (Gauss's shoelace formula)."""
    (x, y), (next_x, next_y) = corners.T, np.roll(corners, -1, 0).T
    with np.errstate(all="ignore"):
        area = abs(float((x * next_y - next_x * y).sum())) / 2
    return area if isfinite(area) else 0.0


def polygons(segmentation: Any) -> list[Any]:
    """Returns the polygons of three corners or more. Some tools write empty ones, or a single one without a list around
    it."""
    flat = bool(segmentation) and not isinstance(segmentation[0], list | tuple)
    return [one for one in ([segmentation] if flat else segmentation) if one and np.size(one) >= 6]


def _corners(numbers: Any) -> NDArray[np.float64]:
    """(n, 2)"""
    flat = np.array(numbers, float).ravel()
    if len(flat) % 2:
        raise FullconvError(f"{counted(len(flat), 'number')}, but every corner needs two, x and y")
    return flat.reshape(-1, 2)
