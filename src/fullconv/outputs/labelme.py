"""Writes labelme's JSON, so that predictions can be corrected by hand and used for training."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fullconv.classes import Classes
from fullconv.outputs.file import Files, beside, text
from fullconv.outputs.regions import Region, Ring, regions
from fullconv.segmentation import Segmentation

VERSION = "5.5.0"  # the labelme version whose files these imitate
BACKGROUND, IGNORE = "_background_", "__ignore__"  # defined by labelme
NEVER_CLOSED = 3  # labelme refuses polygons of fewer points


def write_labelme(result: Segmentation, target: Path) -> Files:
    """target.json. It refers to the picture, or to target.png, which is written beside it, if the picture's place is
    unknown or its file has several pages, of which labelme opens only the first."""
    return files_of(result, target, lambda: shapes(result.label_map, result.classes))


def files_of(result: Segmentation, target: Path, shapes: Callable[[], Iterable[dict[str, Any]]]) -> Files:
    """`shapes` returns the polygons, largest first, when the files are written."""
    path, source = beside(target, ".json"), result.source
    if source and result.pages == 1:
        return {".json": text(lambda: as_text(result, relative(source, path), shapes()))}
    return {
        ".png": lambda hidden: Image.fromarray(result.image).save(hidden),
        ".json": text(lambda: as_text(result, f"{target.name}.png", shapes())),
    }


def as_text(result: Segmentation, picture: str, shapes: Iterable[dict[str, Any]]) -> str:
    # On one line: with one number per line, as labelme writes them, outlines take three times the space.
    return json.dumps(describe(result.label_map.shape, picture, shapes)) + "\n"


def describe(size: tuple[int, ...], picture: str, shapes: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Returns the content of a file. `size`: the picture's height and width."""
    height, width = size
    return {
        "version": VERSION, "flags": {}, "shapes": list(shapes),
        "imagePath": picture, "imageData": None, "imageHeight": height, "imageWidth": width,
    }  # fmt: skip


def shapes(label_map: NDArray[np.uint8], classes: Classes) -> Iterator[dict[str, Any]]:
    """Yields a polygon per region, the largest outline first. labelme paints in this order and its polygons have no
    holes, so regions in a hole are painted over what surrounds it. Background outside all of them is left unpainted."""
    names = names_of(classes)
    for region in sorted(regions(label_map), key=lambda region: -region.outline.area):
        name = names.get(region.value, IGNORE)
        if name != BACKGROUND or not reaches_border(region, label_map.shape):
            yield shape(name, points(region.outline))


def names_of(classes: Classes) -> dict[int, str]:
    """Returns labelme's name for each class index."""
    names = dict(enumerate(classes.names))
    if classes.has_background:
        names[0] = BACKGROUND
    return names


def shape(name: str, points: list[list[float]]) -> dict[str, Any]:
    return {"label": name, "points": points, "group_id": None, "shape_type": "polygon", "flags": {}}


def reaches_border(region: Region, shape: tuple[int, ...]) -> bool:
    """Whether it touches the edge of the picture: then nothing surrounds it."""
    x, y = region.outline.pixels.T
    height, width = shape
    return bool(x.min() == 0 or y.min() == 0 or x.max() == width - 1 or y.max() == height - 1)


def points(ring: Ring) -> list[list[float]]:
    """x, y from the centre of one border pixel to the next, without points inside straight lines.

    labelme's coordinates start at the centre of the first pixel, and it paints every pixel that the line crosses:
    exactly the region.
    """
    moved = np.any(ring.pixels != np.roll(ring.pixels, 1, axis=0), axis=1)
    path = ring.pixels[moved] if moved.any() else ring.pixels[:1]
    into, onward = path - np.roll(path, 1, axis=0), np.roll(path, -1, axis=0) - path
    kept = path[np.any(into != onward, axis=1)] if len(path) > 1 else path
    found: list[list[float]] = kept.astype(float).tolist()
    return found + found[-1:] * (NEVER_CLOSED - len(found))


def relative(picture: Path, path: Path) -> str:
    """Returns the path from `path` to the picture, with forward slashes, or its full path if there is none (another
    drive)."""
    try:
        return Path(os.path.relpath(picture.resolve(), path.resolve().parent)).as_posix()
    except ValueError:
        return picture.resolve().as_posix()
