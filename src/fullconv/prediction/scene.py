"""A raster on disk in the form a model takes, read part by part, for any size (extra `geo`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fullconv.georeference import Georeference
from fullconv.raster import Raster, open_raster
from fullconv.view import Part, Pixels, Range, Valid, View, rgb_of, valid_pixels


@dataclass(frozen=True)
class Scene:
    """An open raster. It must not be read from two threads at once. Without `ranges` values are taken as they are."""

    raster: Raster
    view: View
    bands: tuple[int, ...]
    ranges: tuple[Range, ...]

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)"""
        return self.raster.size

    @property
    def georeference(self) -> Georeference | None:
        return self.raster.georeference

    @property
    def notes(self) -> tuple[str, ...]:
        """What was decided that nobody asked for."""
        return self.view.notes(self.bands, self.raster.count, self.ranges)

    def look(self, part: Part) -> tuple[Pixels, Valid]:
        """((H, W, channels) as the model takes it, (H, W): where there is data), as far as the raster goes."""
        values, valid = self.values(part)
        return self.view.image(values, valid, self.ranges), valid

    def read(self, part: Part) -> Pixels:
        return self.look(part)[0]

    def rgb(self, part: Part) -> NDArray[np.uint8]:
        """(H, W, 3), to be looked at: the first three of the network's bands, or its first as grey."""
        return rgb_of(self.read(part))

    def valid(self, part: Part) -> Valid:
        """(H, W): where a nodata value, a mask or an alpha band does not say that there is nothing."""
        return self.raster.valid(part)

    def values(self, part: Part) -> tuple[Pixels, Valid]:
        """The bands' values as they are in the file."""
        values = self.raster.read(part, self.bands)
        return values, valid_pixels(values, self.raster.valid(part))


@contextmanager
def open_scene(path: Path, view: View, page: int = 0, outside: Sequence[str] = ()) -> Iterator[Scene]:
    """The raster as `view` has it. Raises FullconvError for a file that is no raster, and bands that it has not."""
    with open_raster(path, page=page, outside=outside) as raster:
        bands = view.choose(raster.name, raster.count)
        scene = Scene(raster, view, bands, ())
        ranges = view.ranges_of(raster.name, raster.kind, raster.size, scene.values)
        yield Scene(raster, view, bands, ranges)
