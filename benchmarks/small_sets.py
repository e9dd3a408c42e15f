"""Small sets of labelled pictures: a bare folder of each to train on, and pictures that no training sees.

`FOLDER/NAME/bare` holds images/ and masks/ and nothing else, as a user would bring them. `FOLDER/NAME/unseen` holds
images/val and masks/val.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from math import pi
from pathlib import Path

import ellipses
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

EAST = 32.5944  # degrees of longitude: aerial tiles east of it are not trained on
EARTH = 6378137.0  # metres: the radius that EPSG:3857 has
VOC = {0: 0, 8: 1, 10: 2, 12: 3, 13: 4, 15: 5, 17: 6}  # background, cat, cow, dog, horse, person, sheep
EACH = 5  # photos of each of these six
VOID = 255
SCRIBBLED, STROKE, PEN = 0.02, 0.15, 2  # share of the pixels that is kept; length of a stroke by the side; pixels

Mask = NDArray[np.uint8]


def make(name: str, data: Path, folder: Path) -> Path:
    """One of SETS from the folder of all data, made anew."""
    place = folder / name
    shutil.rmtree(place, ignore_errors=True)
    SETS[name](data, place)
    return place


def nuclei(data: Path, place: Path) -> None:
    by_split(data / "nuclei", place)


def cracks(data: Path, place: Path) -> None:
    by_split(data / "cracks", place)


def by_split(source: Path, place: Path) -> None:
    for split in ("train", "val"):
        for image in sorted((source / "images" / split).iterdir()):
            put(place, split, image, Image.open(source / "masks" / split / f"{image.stem}.png"))


def scribbles(data: Path, place: Path) -> None:
    """nuclei, of whose masks a share is kept, as if somebody had drawn strokes over each class."""
    nuclei(data, place)
    for seed, path in enumerate(sorted((place / "bare" / "masks").iterdir())):
        mask = np.asarray(Image.open(path))
        Image.fromarray(scribbled(mask, np.random.default_rng(seed))).save(path)


def scribbled(mask: Mask, rng: np.random.Generator) -> Mask:
    """(H, W): strokes that begin in each class in turn and end where it does; all else is void."""
    height, width = mask.shape
    kept = np.full_like(mask, VOID)
    present = np.unique(mask[mask != VOID])
    for turn in range(mask.size):
        if np.count_nonzero(kept != VOID) >= SCRIBBLED * mask.size:
            break
        value = present[turn % len(present)]
        places = np.argwhere(mask == value)
        y, x = places[rng.integers(len(places))].tolist()
        angle, length = rng.uniform(0, 2 * pi), STROKE * min(height, width) * rng.random()
        stroke = Image.new("1", (width, height))
        end = (x + length * np.cos(angle), y + length * np.sin(angle))
        ImageDraw.Draw(stroke).line([(x, y), end], fill=1, width=PEN)
        drawn = np.asarray(stroke) & (mask == value)
        kept[drawn] = value
    return kept


def buildings(data: Path, place: Path) -> None:
    import rasterio

    for image in sorted((data / "aerial-buildings" / "images").iterdir()):
        with rasterio.open(image) as raster:
            left, _, right, _ = raster.bounds
        is_east = np.degrees((left + right) / 2 / EARTH) > EAST
        put(place, "val" if is_east else "train", image, Image.open(data / "aerial-buildings" / "masks" / image.name))


def drawn(data: Path, place: Path) -> None:
    ellipses.write(place / "bare", range(25))
    ellipses.write(place / "unseen", range(25, 50), "val")


def photos(data: Path, place: Path) -> None:
    """The first EACH photos of VOC's train whose main object is a cat, then a cow, and so on; scored on its val."""
    source = data / "voc-animals"
    chosen: dict[int, int] = dict.fromkeys(range(1, len(VOC)), 0)
    for name in names_of(source, "train"):
        mask = voc_mask(source, name)
        main = int(np.bincount(mask[(mask > 0) & (mask < VOID)], minlength=len(VOC)).argmax())
        if chosen.get(main, EACH) < EACH:
            chosen[main] += 1
            put(place, "train", source / "JPEGImages" / f"{name}.jpg", Image.fromarray(mask))
        if min(chosen.values()) == EACH:
            break
    for name in names_of(source, "val"):
        put(place, "val", source / "JPEGImages" / f"{name}.jpg", Image.fromarray(voc_mask(source, name)))


def names_of(source: Path, split: str) -> list[str]:
    return (source / "ImageSets" / "Segmentation" / f"{split}.txt").read_text().split()


def voc_mask(source: Path, name: str) -> Mask:
    """Six classes and the background in a row; the others are void."""
    table = np.full(256, VOID, np.uint8)
    table[list(VOC)] = list(VOC.values())
    return table[np.asarray(Image.open(source / "SegmentationClass" / f"{name}.png"))]


def put(place: Path, split: str, image: Path, mask: Image.Image) -> None:
    part, inner = (place / "bare", "") if split == "train" else (place / "unseen", "val")
    for kind in ("images", "masks"):
        (part / kind / inner).mkdir(parents=True, exist_ok=True)
    shutil.copy(image, part / "images" / inner)
    mask.save(part / "masks" / inner / f"{image.stem}.png")


SETS: dict[str, Callable[[Path, Path], None]] = {
    "ellipses": drawn, "nuclei": nuclei, "scribbles": scribbles, "cracks": cracks, "buildings": buildings,
    "photos": photos,
}  # fmt: skip
