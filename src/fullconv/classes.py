"""Class names, their colours, and void."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import count

import numpy as np
from numpy.typing import NDArray

from fullconv.errors import FullconvError, no_class
from fullconv.words import counted

VOID = 255
VOC_NAMES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip

Colour = tuple[int, int, int]
LabelMap = NDArray[np.uint8]  # (H, W): the index of each pixel's class, or void


def voc_colour(index: int) -> Colour:
    """The colour of class `index` in the PASCAL VOC palette (bits of the index spread over R, G, B; VOC devkit)."""
    red = green = blue = 0
    for bit in range(7, -1, -1):
        red |= (index & 1) << bit
        green |= (index >> 1 & 1) << bit
        blue |= (index >> 2 & 1) << bit
        index >>= 3
    return red, green, blue


@cache
def voc_palette() -> NDArray[np.uint8]:
    """Returns the VOC palette (256, 3). Cached, because every picture that is written needs it."""
    return np.array([voc_colour(i) for i in range(256)], np.uint8)


class UnknownClass(FullconvError):
    """The data have a class that the model does not have."""


@dataclass(frozen=True)
class Classes:
    """The classes of a label map: `names[i]` and `colours[i]` (RGB, 0–255) belong to index i."""

    names: tuple[str, ...]
    colours: tuple[Colour, ...]
    void: int = VOID

    def __post_init__(self) -> None:
        if not 1 <= len(self.names) <= VOID:
            raise FullconvError(f"{len(self.names)} classes; a model has 1 to {VOID}, since {VOID} is void")
        if len(self.colours) != len(self.names):
            names, colours = counted(len(self.names), "class", "classes"), counted(len(self.colours), "colour")
            raise FullconvError(f"{names} but {colours}; give one colour per class")
        if pair := _equal_pair(self.names):
            raise FullconvError(f"class {self.names[pair[0]]!r} is named twice; give every class a different name")
        if pair := _equal_pair(self.colours):
            raise FullconvError(
                f"classes {self.names[pair[0]]!r} and {self.names[pair[1]]!r} share the colour "
                f"{list(self.colours[pair[0]])}; give every class a different colour"
            )

    @classmethod
    def named(cls, names: Sequence[str], colours: Sequence[Colour] | None = None) -> Classes:
        """Returns classes with these names. Without colours, VOC names get their VOC colours and other names get the
        next free colours of the palette. Raises FullconvError for names or colours that are not all different."""
        if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
            raise FullconvError(f"names: give a list of strings, such as ['road', 'car'], not a {type(names).__name__}")
        return cls(tuple(names), tuple(tuple(c) for c in colours) if colours else _default_colours(names))  # type: ignore[misc]

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def has_background(self) -> bool:
        """Whether class 0 is named background: what most outputs leave as it is, or leave out."""
        return self.names[0] == "background"

    def index(self, name: str) -> int:
        """Returns the value that the class `name` has in label maps. Raises FullconvError for an unknown name."""
        if name not in self.names:
            raise FullconvError(no_class(name, self.names))
        return self.names.index(name)

    def palette(self) -> NDArray[np.uint8]:
        """(256, 3) uint8: the colour of every value in a label map; void has VOC's cream (224, 224, 192)."""
        palette = voc_palette().copy()
        palette[: len(self)] = self.colours
        palette[self.void] = voc_colour(255)
        return palette

    def lookup_from(self, source: Classes, mapping: Mapping[str, str] | None = None) -> NDArray[np.uint8]:
        """(256,) table t such that t[label map of `source`] is a label map of these classes.

        A class is found by its own name, or by the name that `mapping` gives it ("void" ignores its pixels).
        """
        mapping = mapping or {}
        table = np.full(256, self.void, np.uint8)
        for value, name in enumerate(source.names):
            target = mapping.get(name, name)
            if target == "void":
                continue
            if target not in self.names:
                raise UnknownClass(
                    f"class {name!r} of the data is not a class of the model ({', '.join(self.names)}); "
                    f"{self._way_out(source, value)}"
                )
            table[value] = self.names.index(target)
        return table

    def _way_out(self, source: Classes, value: int) -> str:
        """Says how to map a class of `source` that is not among these: to the class that seems to be the same one under
        another name, or to one that the user chooses."""
        from difflib import get_close_matches

        name, names = source.names[value], list(self.names)
        if value < len(names) and [*names[:value], name, *names[value + 1 :]] == list(source.names):
            same = names[value]
            return f"if it is the model's {same!r}, add to the data YAML: label_mapping: {{{name}: {same}}}"
        near = get_close_matches(name, names, 1) or [other for other in names if other != "background"] or names
        return (
            "in the data YAML, label_mapping says which of these it counts as, for example "
            f"label_mapping: {{{name}: {near[0]}}}; with {name}: void its pixels are left out"
        )


def _default_colours(names: Sequence[str]) -> tuple[Colour, ...]:
    taken = {VOC_NAMES.index(name) for name in names if name in VOC_NAMES}
    free = (i for i in count() if i not in taken)
    return tuple(voc_colour(VOC_NAMES.index(name) if name in VOC_NAMES else next(free)) for name in names)


def _equal_pair(values: Sequence[object]) -> tuple[int, int] | None:
    """Returns the positions of the first two equal values, or None if all values differ."""
    first: dict[object, int] = {}
    return next(((first[value], i) for i, value in enumerate(values) if first.setdefault(value, i) != i), None)
