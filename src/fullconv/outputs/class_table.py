"""The content of a picture as a table: a row per class, with its pixels, regions, and area on the ground."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullconv.classes import LabelMap
from fullconv.errors import missing_extra
from fullconv.outputs.ground_area import cell_areas
from fullconv.outputs.mosaic import Frame
from fullconv.region_count import count_regions
from fullconv.view import Part

STRIP = 2**22  # pixels, at most, of the rows that are processed together
ROWS, CELL = 32, 64  # largest number of rows and columns within which all pixels count as equally large on the ground


Read = Callable[[Part], LabelMap]


@dataclass(frozen=True)
class ClassRow:
    """`share`: of all pixels of the picture. `area`: in square metres, None if unknown."""

    name: str
    index: int
    pixels: int
    share: float
    regions: int
    area: float | None


COLUMNS = ("class", "index", "pixels", "share", "regions", "area_m2")


def table_rows(frame: Frame, read: Read) -> tuple[dict[str, Any], ...]:
    """Returns the rows as in JSON and CSV, with COLUMNS as keys."""
    return tuple(dict(zip(COLUMNS, asdict(row).values(), strict=True)) for row in rows_of(frame, read))


def rows_of(frame: Frame, read: Read) -> list[ClassRow]:
    """Returns the rows of the classes that are present, in the order of their indices. `read` returns any part of the
    label map."""
    counter = Counter(frame)
    regions = count_regions(counter.strips(read))
    (height, width), names = frame.size, frame.classes.names
    return [
        ClassRow(
            names[index], int(index), int(pixels), float(pixels / (height * width)), int(regions[index]),
            None if counter.areas is None else round(float(counter.areas[index]), 3),
        )
        for index, pixels in enumerate(counter.pixels[: len(names)]) if pixels
    ]  # fmt: skip


class Counter:
    """Counts the pixels and the area of each value as the label map passes through."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.pixels = np.zeros(256, np.int64)
        self.areas: NDArray[np.float64] | None = np.zeros(256) if frame.georeference else None

    def strips(self, read: Read) -> Iterator[LabelMap]:
        height, width = self.frame.size
        step = max(1, min(ROWS, STRIP // width))
        for top in range(0, height, step):
            rows = slice(top, min(top + step, height))
            labels = read((rows, slice(0, width)))
            self._count(labels, rows)
            yield labels

    def _count(self, labels: LabelMap, rows: slice) -> None:
        if self.frame.georeference is None:
            self.pixels += np.bincount(labels.ravel(), minlength=256)
            return
        width = labels.shape[1]
        parts: list[Part] = [(rows, slice(left, min(left + CELL, width))) for left in range(0, width, CELL)]
        counts = np.stack([np.bincount(labels[:, part[1]].ravel(), minlength=256) for part in parts])
        self.pixels += counts.sum(0)
        found = cell_areas(self.frame.georeference, parts) if self.areas is not None else None
        self.areas = None if found is None or self.areas is None else self.areas + shared_out(counts, found)


def shared_out(counts: NDArray[np.int64], areas: NDArray[np.float64]) -> NDArray[np.float64]:
    """(256,): the area of each value, for cells with counts (cells, 256) and areas (cells,)."""
    return (counts / counts.sum(1, keepdims=True) * areas[:, None]).sum(0)


def as_frame(rows: Sequence[ClassRow]) -> Any:
    """Returns a pandas DataFrame with COLUMNS. Raises MissingExtra if pandas is not installed."""
    try:
        import pandas
    except ImportError:
        raise missing_extra("pandas", "pandas") from None
    return pandas.DataFrame([tuple(asdict(row).values()) for row in rows], columns=list(COLUMNS))
