"""Labelled pictures: files → (image, label map)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullconv import images
from fullconv.classes import Classes
from fullconv.data.masks import LabelMap, Lookup, read_mask
from fullconv.errors import FullconvError

__all__ = ["Dataset", "LabelMap", "Lookup", "Picture", "ReadMask", "ReadPicture", "Sample", "Target", "read_mask"]

Picture = NDArray[Any]  # (H, W, C): uint8 RGB; other channels, uint16 or float32 where the data has them
ReadPicture = Callable[[Path], Picture]
ReadMask = Callable[[Path], LabelMap]


@dataclass(frozen=True)
class Target:
    """One labelling of a picture; `lookup` turns the values that `open_mask` gives into class indices (-1: none)."""

    label_path: Path
    lookup: Lookup
    open_mask: ReadMask = read_mask

    def read_label_map(self) -> LabelMap:
        """HxW class indices and void. Raises FullconvError where the file is no mask of this data's classes."""
        values = self.open_mask(self.label_path)
        present = np.flatnonzero(np.bincount(values.ravel(), minlength=256))
        strange = [int(v) for v in present if self.lookup[v] < 0]
        if strange:
            raise FullconvError(
                f"{self.label_path}: values {strange[:5]} belong to no class; name them under `names` in the YAML, "
                "or set these pixels to 255 (void)"
            )
        return self.lookup.astype(np.uint8)[values]


@dataclass(frozen=True)
class Sample:
    """One labelled picture: its main labelling, and `further` ones by name where a picture has several.

    The readers travel with the sample, so that whoever holds one needs to know nothing of its layout.
    """

    name: str
    image_path: Path
    label_path: Path
    lookup: Lookup
    open_image: ReadPicture = images.read
    open_mask: ReadMask = read_mask
    head: str = ""  # the name of the main labelling, where there are several
    further: Mapping[str, Target] = field(default_factory=dict)

    def read_image(self) -> Picture:
        """(H, W, C): RGB of 8 bits, or the channels that the layout has."""
        return self.open_image(self.image_path)

    def read_mask_values(self) -> LabelMap:
        """HxW: the main labelling's values as the file has them, before `lookup`."""
        return self.open_mask(self.label_path)

    def read_label_map(self) -> LabelMap:
        """HxW class indices and void of the main labelling."""
        return Target(self.label_path, self.lookup, self.open_mask).read_label_map()

    def read_label_maps(self) -> dict[str, LabelMap]:
        """{head: HxW class indices and void}, the main one first."""
        others = {head: target.read_label_map() for head, target in self.further.items()}
        return {self.head: self.read_label_map(), **others}

    def read(self) -> tuple[Picture, LabelMap]:
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
    """Samples by split, and the classes that their label maps hold; `further` are those of the other heads."""

    root: Path
    layout: str
    classes: Classes
    splits: Mapping[str, tuple[Sample, ...]]
    further: Mapping[str, Classes] = field(default_factory=dict)

    def split(self, name: str) -> tuple[Sample, ...]:
        if not self.splits.get(name):
            raise FullconvError(f"{self.root}: no split {name!r}; it has {', '.join(self.splits) or 'none'}")
        return self.splits[name]

    def mapped_to(self, classes: Classes, mapping: Mapping[str, str] | None = None) -> Dataset:
        """The same pictures labelled with other classes (of the main head), found by name and by `mapping`."""
        table = classes.lookup_from(self.classes, mapping)
        splits = {
            split: tuple(replace(sample, lookup=_chain(sample.lookup, table)) for sample in samples)
            for split, samples in self.splits.items()
        }
        return replace(self, classes=classes, splits=splits)


def _chain(first: Lookup, then: LabelMap) -> Lookup:
    return np.where(first < 0, first, then[first]).astype(np.int16)


def _size(array: NDArray[np.generic]) -> str:
    return f"{array.shape[1]}x{array.shape[0]}"
