"""Labelled pictures: files → (image, label map)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fullconv import images
from fullconv.classes import Classes
from fullconv.errors import FullconvError

LabelMap = NDArray[np.uint8]
Lookup = NDArray[np.int16]  # (256,)


@dataclass(frozen=True)
class Sample:
    """One labelled picture; `lookup` turns the values in its mask file into class indices (-1: no class)."""

    name: str
    image_path: Path
    label_path: Path
    lookup: Lookup

    def read_image(self) -> images.ImageArray:
        return images.read(self.image_path)

    def read_label_map(self) -> LabelMap:
        """HxW class indices and void. Raises FullconvError where the file is no mask of this data's classes."""
        values = read_mask(self.label_path)
        present = np.flatnonzero(np.bincount(values.ravel(), minlength=256))
        strange = [int(v) for v in present if self.lookup[v] < 0]
        if strange:
            raise FullconvError(
                f"{self.label_path}: values {strange[:5]} belong to no class; name them under `names` in the YAML, "
                "or set these pixels to 255 (void)"
            )
        return self.lookup.astype(np.uint8)[values]

    def read(self) -> tuple[images.ImageArray, LabelMap]:
        """(image, label map), checked to be of one size."""
        image, label_map = self.read_image(), self.read_label_map()
        if image.shape[:2] != label_map.shape:
            raise FullconvError(
                f"{self.label_path}: mask is {_size(label_map)} but its image {_size(image)}; "
                "make the mask anew at the image's own size, after its EXIF turn"
            )
        return image, label_map


@dataclass(frozen=True)
class Dataset:
    """Samples by split, and the classes that their label maps hold."""

    root: Path
    layout: str
    classes: Classes
    splits: Mapping[str, tuple[Sample, ...]]

    def split(self, name: str) -> tuple[Sample, ...]:
        if not self.splits.get(name):
            raise FullconvError(f"{self.root}: no split {name!r}; it has {', '.join(self.splits) or 'none'}")
        return self.splits[name]

    def mapped_to(self, classes: Classes, mapping: Mapping[str, str] | None = None) -> Dataset:
        """The same pictures labelled with other classes, found by name and by `mapping`."""
        table = classes.lookup_from(self.classes, mapping)
        splits = {
            split: tuple(replace(sample, lookup=_chain(sample.lookup, table)) for sample in samples)
            for split, samples in self.splits.items()
        }
        return replace(self, classes=classes, splits=splits)


def read_mask(path: Path) -> LabelMap:
    """The values of a single-channel mask file: palette or grey PNG, 8 bits."""
    try:
        with Image.open(path) as picture:
            if picture.mode not in ("P", "L", "1"):
                raise FullconvError(
                    f"{path}: a mask has one channel of class indices, this one is {picture.mode}; "
                    "save it as a palette or 8-bit grey PNG"
                )
            return np.array(picture.convert("L") if picture.mode == "1" else picture)
    except FileNotFoundError:
        raise FullconvError(f"{path}: no such mask") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise FullconvError(f"{path}: damaged mask ({error}); copy it again from its source") from None


def identity_lookup(classes: Classes) -> Lookup:
    """Values 0 … n-1 and void stand for themselves; no other is a class."""
    lookup = np.full(256, -1, np.int16)
    lookup[: len(classes)] = np.arange(len(classes))
    lookup[classes.void] = classes.void
    return lookup


def _chain(first: Lookup, then: LabelMap) -> Lookup:
    return np.where(first < 0, first, then[first]).astype(np.int16)


def _size(array: NDArray[np.generic]) -> str:
    return f"{array.shape[1]}x{array.shape[0]}"
