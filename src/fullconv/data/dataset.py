"""Labelled pictures: from files to images and label maps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from fullconv.classes import VOID, Classes, LabelMap
from fullconv.damage import as_one_line
from fullconv.data.bands import read_picture
from fullconv.data.masks import Lookup, read_mask
from fullconv.errors import FullconvError, suggestion
from fullconv.view import Picture, Pixels, Seen, View

__all__ = [
    "Dataset", "Lookup", "Picture", "ReadMask", "ReadPicture", "Sample", "Target",
    "UnlabelledPicture", "read_mask", "read_picture",
]  # fmt: skip

ALL = "all"  # the name that stands for all splits together
Read = TypeVar("Read")
ReadPicture = Callable[[Path], Picture]
ReadMask = Callable[[Path], LabelMap]


@dataclass(frozen=True)
class Target:
    """One labelling of a picture. `lookup` turns the values that `open_mask` returns into class indices (-1: not a
    class)."""

    label_path: Path
    lookup: Lookup
    open_mask: ReadMask = read_mask

    def read_label_map(self) -> LabelMap:
        """HxW class indices and void. Raises FullconvError if the file is not a mask of these classes."""
        values = read_with(self.open_mask, self.label_path, "a mask")
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
    """One labelled picture: its main labelling and, if it has several, the `further` ones by name.

    A sample contains its own readers, so that code that uses it need not know the layout.
    """

    name: str
    image_path: Path
    label_path: Path
    lookup: Lookup
    open_image: ReadPicture = read_picture
    open_mask: ReadMask = read_mask
    head: str = ""  # the name of the main labelling, if there are several
    further: Mapping[str, Target] = field(default_factory=dict)

    @property
    def files(self) -> tuple[Path, ...]:
        return self.image_path, self.label_path

    @property
    def meaning(self) -> bytes:
        """What the values of its mask mean."""
        return self.lookup.tobytes()

    def read_picture(self) -> Picture:
        """Returns everything in the picture, before any model takes it."""
        return read_with(self.open_image, self.image_path, "a picture")

    def read_image(self) -> Pixels:
        """(H, W, C): 8-bit RGB, or the bands of the file in their own type."""
        return self.read_picture().values

    def read_mask_values(self) -> LabelMap:
        """HxW: the values of the main labelling as stored, before `lookup`."""
        return read_with(self.open_mask, self.label_path, "a mask")

    def read_label_map(self) -> LabelMap:
        """HxW class indices and void of the main labelling."""
        return Target(self.label_path, self.lookup, self.open_mask).read_label_map()

    def read_label_maps(self) -> dict[str, LabelMap]:
        """{head: HxW class indices and void}, the main one first."""
        others = {head: target.read_label_map() for head, target in self.further.items()}
        return {self.head: self.read_label_map(), **others}

    def read(self) -> tuple[Pixels, LabelMap]:
        """(bands as stored, label map), checked to have the same size."""
        picture, label_map = self.read_labelled()
        return picture.values, label_map

    def read_labelled(self) -> tuple[Picture, LabelMap]:
        """(picture, label map), checked to have the same size. Where the picture has no data, the label is void."""
        picture, label_map = self.read_picture(), self.read_label_map()
        if picture.size != label_map.shape:
            raise FullconvError(
                f"{self.label_path}: mask is {_size(label_map)} but its image {_size(picture.values)}; "
                "create the mask again at the image's own size, after applying its EXIF rotation"
            )
        if picture.valid is not None:
            label_map = np.where(picture.valid, label_map, np.uint8(VOID))
        return picture, label_map

    def see(self, view: View) -> tuple[Seen, LabelMap]:
        """(picture as a model takes it, label map): the same arrays in training, evaluation and prediction."""
        picture, label_map = self.read_labelled()
        seen = view.fixed().see(picture)
        if seen.valid is not None:
            label_map = np.where(seen.valid, label_map, np.uint8(VOID))
        return seen, label_map


@dataclass(frozen=True)
class UnlabelledPicture:
    """A picture without labelled pixels. `shows` and `among` are as in the data YAML."""

    image_path: Path
    shows: tuple[str, ...] = ()
    among: tuple[str, ...] = ()
    open_image: ReadPicture = read_picture

    @property
    def name(self) -> str:
        return self.image_path.stem

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.image_path,)

    @property
    def meaning(self) -> bytes:
        """What is known about the whole picture."""
        return f"{self.shows} {self.among}".encode()

    def read_picture(self) -> Picture:
        return read_with(self.open_image, self.image_path, "a picture")

    def see(self, view: View) -> tuple[Seen, LabelMap]:
        """(picture as a model takes it, a label map that is void everywhere)"""
        picture = self.read_picture()
        return view.fixed().see(picture), np.full(picture.size, VOID, np.uint8)


@dataclass(frozen=True)
class Dataset:
    """Labelled pictures by split, and the classes of their label maps.

    `splits`: {"train": samples, …}; `sample.read()` gives (image (H, W, C), label map (H, W)). `further`: the classes
    of additional heads. `unlabelled`: pictures without labels. `beside`: folders outside `root` that also belong to the
    data. `left_out`: lines about folders and files that are in no split, and why.
    """

    root: Path
    layout: str
    classes: Classes
    splits: Mapping[str, tuple[Sample, ...]]
    further: Mapping[str, Classes] = field(default_factory=dict)
    unlabelled: tuple[UnlabelledPicture, ...] = ()
    beside: tuple[Path, ...] = ()
    left_out: tuple[str, ...] = ()

    def split(self, name: str) -> tuple[Sample, ...]:
        """Returns the pictures of a split, or of all splits for `all`. Raises FullconvError for an unknown split."""
        if name == ALL and self.pictures:
            return self.pictures
        if not self.splits.get(name):
            near = suggestion(name, self.splits)
            raise FullconvError(f"{self.root}: no split {name!r}; it has {', '.join(self.splits) or 'none'}{near}")
        return self.splits[name]

    @property
    def pictures(self) -> tuple[Sample, ...]:
        """The pictures of all splits, each once even if it is in several."""
        return tuple({sample.image_path: sample for split in self.splits.values() for sample in split}.values())

    def mapped_to(self, classes: Classes, mapping: Mapping[str, str] | None = None) -> Dataset:
        """Returns the same pictures labelled with other classes (of the main head), matched by name and by
        `mapping`. Raises FullconvError for a class that the others lack."""
        table = classes.lookup_from(self.classes, mapping)
        splits = {
            split: tuple(replace(sample, lookup=_chain(sample.lookup, table)) for sample in samples)
            for split, samples in self.splits.items()
        }
        return replace(self, classes=classes, splits=splits)


def read_with(read: Callable[[Path], Read], path: Path, what: str) -> Read:
    """Calls `read`. Raises FullconvError for any problem with the file."""
    with as_one_line(path, what):
        return read(path)


def _chain(first: Lookup, then: LabelMap) -> Lookup:
    return np.where(first < 0, first, then[first]).astype(np.int16)


def _size(array: NDArray[np.generic]) -> str:
    return f"{array.shape[1]}x{array.shape[0]}"
