"""Draws the outlines of a label file of YOLO (Ultralytics): a line for each object, its class and then its corners."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from fullconv.data.coco_masks import Outlines, Thing, area_of, upright_size
from fullconv.data.lists import read_names
from fullconv.data.masks import LabelMap
from fullconv.errors import FullconvError

BOX, SMALLEST = 5, 7  # numbers in the line of a box, and of a triangle
LINES = 20  # of a file, that show what it is


@dataclass(frozen=True)
class Lines:
    """The objects of one picture. Larger ones are drawn first. The rest is 0.

    A box only says that something is in it: it becomes void, or the object's region if `boxes` are regions.
    """

    image: Path
    labels: Path | None  # None: no object is labelled
    values: Mapping[int, int]  # class number → value in the mask
    boxes: str = "void"

    @property
    def without_outline(self) -> tuple[int, ...]:
        """The values of the objects that have only a box."""
        return self._outlines().without_outline

    def __call__(self, path: Path) -> LabelMap:
        """Returns (height, width), the size of the upright picture."""
        return self._outlines()(path)

    def _outlines(self) -> Outlines:
        size = upright_size(self.image)
        things = [self._thing(number, line, size) for number, line in _lines(self.labels)]
        things.sort(key=lambda thing: -_area(thing))
        return Outlines(self.image, size, tuple(things), boxes=self.boxes)

    def _thing(self, number: int, line: str, size: tuple[int, int]) -> Thing:
        """Corners are shares of the width and the height."""
        height, width = size
        try:
            kind, *shares = numbers_in(line)
            value = self.values[int(kind)]
        except (ValueError, OverflowError):
            raise FullconvError(
                f"{self.labels}: line {number} is not a class and then x y for each corner, or a box; export it again"
            ) from None
        except KeyError:
            raise FullconvError(
                f"{self.labels}: line {number}: class {line.split(maxsplit=1)[0]} has no name in the YAML"
            ) from None
        scaled = [share * (height if i % 2 else width) for i, share in enumerate(shares)]
        if len(shares) > BOX - 1:
            return Thing(value, [scaled], number=number)
        x, y, w, h = scaled  # x and y are those of the centre
        return Thing(value, None, (x - w / 2, y - h / 2, w, h), number)


def numbers_in(line: str) -> list[float]:
    """Returns the class and the shares. Raises ValueError for anything that is no line of a box or an outline."""
    numbers = [float(word) for word in line.split()]
    if len(numbers) != BOX and (len(numbers) < SMALLEST or len(numbers) % 2 == 0):
        raise ValueError("neither a box nor an outline")
    if not numbers[0].is_integer():
        raise ValueError("a class that is no whole number")
    return numbers


def is_label_file(path: Path) -> bool:
    """Whether the first lines of a text file are objects, whose corners lie in the picture or hardly outside."""
    if not path.is_file():  # a pipe, for example
        return False
    try:
        numbers = [numbers_in(line) for _, line in islice(_lines(path), LINES)]
    except (ValueError, OverflowError, FullconvError):
        return False
    return bool(numbers) and all(-1 <= share <= 2 for _, *shares in numbers for share in shares)


def _lines(path: Path | None) -> Iterator[tuple[int, str]]:
    return enumerate(read_names(path) if path else (), start=1)


def _area(thing: Thing) -> float:
    return thing.box[2] * thing.box[3] if thing.box else area_of(thing.outline)
