"""Draws the outlines of a label file of YOLO (Ultralytics): a line for each object, its class and then its corners."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from math import isfinite
from pathlib import Path

from fullconv.classes import LabelMap
from fullconv.data.coco_masks import Outlines, Thing, area_of, upright_size
from fullconv.data.lists import read_names
from fullconv.errors import FullconvError

BOX, SMALLEST = 5, 7  # numbers in the line of a box, and of a triangle
LOWEST, HIGHEST = -1, 2  # of shares: corners lie in the picture or hardly outside
LINES = 20  # of a file, that show what it is
MARKS = {"commas": ",", "semicolons": ";"}
MEANT = "is not a class and then x y for each corner, or a box"


@dataclass(frozen=True)
class Lines:
    """The objects of one picture. Larger ones are drawn first. The rest is 0.

    A box only says that something is in it: it becomes void, or the object's region if `boxes` are regions.
    """

    image: Path
    labels: Path | None  # None: no object is labelled
    values: Mapping[int, int]  # class number → value in the mask
    boxes: str = "void"
    keypoints: int = 0  # numbers after each box that are points of a pose

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
            kind, *shares = numbers_in(line, self.keypoints)
            value = self.values[int(kind)]
        except (ValueError, OverflowError) as error:
            raise _fault(self.labels, number, error) from None
        except KeyError:
            raise FullconvError(
                f"{self.labels}: line {number}: class {line.split(maxsplit=1)[0]} has no name in the YAML"
            ) from None
        scaled = [share * (height if i % 2 else width) for i, share in enumerate(shares)]
        if len(shares) > BOX - 1:
            return Thing(value, [scaled], number=number)
        x, y, w, h = scaled  # x and y are those of the centre
        return Thing(value, None, (x - w / 2, y - h / 2, w, h), number)


def _fault(labels: Path | None, number: int, error: Exception) -> FullconvError:
    return FullconvError(f"{labels}: line {number} {error}; export the labels again, in YOLO's format")


def numbers_in(line: str, keypoints: int = 0) -> list[float]:
    """Returns the class and the shares of an outline or a box. The `keypoints` numbers of a pose are left out.

    Raises ValueError, which says what is wrong, for anything else.
    """
    try:
        numbers = [float(word) for word in line.split()]
    except ValueError:
        mark = next((name for name, mark in MARKS.items() if mark in line), "")
        raise ValueError(f"separates its numbers by {mark} instead of blanks" if mark else MEANT) from None
    poses = keypoints and len(numbers) == BOX + keypoints
    if keypoints and not poses and len(numbers) != BOX:
        raise ValueError(f"is not a class, a box and the {keypoints} numbers that kpt_shape requires")
    if len(numbers) != BOX and not poses and (len(numbers) < SMALLEST or len(numbers) % 2 == 0):
        raise ValueError(MEANT)
    if not numbers[0].is_integer():
        raise ValueError(MEANT)
    shares = numbers[1:BOX] if poses else numbers[1:]
    _refuse_no_shares(shares)
    return [numbers[0], *shares]


def _refuse_no_shares(numbers: Sequence[float]) -> None:
    for number in numbers:
        if not isfinite(number):
            raise ValueError(f"has {number:g} in place of a number")
        if not LOWEST <= number <= HIGHEST:
            raise ValueError(
                f"has {number:g} in place of a share of the width or the height, from 0 to 1; it may be in pixels"
            )


def is_label_file(path: Path, keypoints: int = 0) -> bool:
    """Whether the first lines of a text file are objects."""
    try:
        refuse_other(path, keypoints)
    except FullconvError:
        return False
    return resembles_labels(path)


def refuse_other(path: Path, keypoints: int = 0) -> None:
    """Raises FullconvError if the first lines of a label file are not objects."""
    for number, line in _first_lines(path):
        try:
            numbers_in(line, keypoints)
        except (ValueError, OverflowError) as error:
            raise _fault(path, number, error) from None


def resembles_labels(path: Path) -> bool:
    """Whether most of the first lines of a text file hold the numbers of a box or more, however they are written."""
    try:
        rows = [re.split(r"[\s,;]+", line) for _, line in _first_lines(path)]
    except FullconvError:
        return False
    fitting = [row for row in rows if len(row) >= BOX and sum(map(_is_number, row)) >= BOX - 1]
    return 2 * len(fitting) > len(rows)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _first_lines(path: Path) -> list[tuple[int, str]]:
    """A pipe, for example, has none."""
    return list(islice(_lines(path), LINES)) if path.is_file() else []


def _lines(path: Path | None) -> Iterator[tuple[int, str]]:
    return enumerate(read_names(path) if path else (), start=1)


def _area(thing: Thing) -> float:
    return thing.box[2] * thing.box[3] if thing.box else area_of(thing.outline)
