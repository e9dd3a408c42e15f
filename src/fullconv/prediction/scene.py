"""Reads a raster of any size part by part, in the form that a model takes (needs the extra `geo`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fullconv.georeference import Georeference
from fullconv.raster import Raster, open_raster
from fullconv.scale import Tally
from fullconv.view import Known, Part, Pixels, Range, Valid, View, in_any_band, known_values, rgb_of


@dataclass(frozen=True)
class Scene:
    """An open raster. Only one thread may read it at a time. If `ranges` is empty, values are used as they are.

    `tally`: what is known of the scale of the values, from the parts that were read.
    """

    raster: Raster
    view: View
    bands: tuple[int, ...]
    ranges: tuple[Range, ...]
    tally: Tally = field(default_factory=Tally, compare=False)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)"""
        return self.raster.size

    @property
    def georeference(self) -> Georeference | None:
        return self.raster.georeference

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks for the user about what was decided automatically, and on the values that were read so far."""
        return (*self.raster.notes, *self.view.notes(self.bands, self.raster.count, self.ranges, self.tally))

    def read_with_valid(self, part: Part) -> tuple[Pixels, Valid]:
        """Returns ((H, W, channels) in the model's form, (H, W): where there is data). A part that goes beyond the
        raster is cut off."""
        values, known = self.values(part)
        if self.view.has_learned_range:
            self.tally.add(values, known, self.view.ranges)
        return self.view.image(values, known, self.ranges), in_any_band(known)

    def read(self, part: Part) -> Pixels:
        return self.read_with_valid(part)[0]

    def rgb(self, part: Part) -> NDArray[np.uint8]:
        """Returns (H, W, 3) for display: the first three of the network's bands, or the first one as grey."""
        return rgb_of(self.read(part))

    def valid(self, part: Part) -> Valid:
        """Returns (H, W): where any of the bands has data, according to nodata values, masks or an alpha band."""
        return in_any_band(self.raster.known(part, self.bands))

    def values(self, part: Part) -> tuple[Pixels, Known]:
        """Returns ((H, W, bands) values as in the file, where each of them is data)."""
        values = self.raster.read(part, self.bands)
        return values, known_values(values, self.raster.known(part, self.bands))


@contextmanager
def open_scene(path: Path, view: View, page: int = 0, outside: Sequence[str] = ()) -> Iterator[Scene]:
    """Opens a raster for a model's `view`. `page`: counted from 0; `outside`: as in `open_raster`. Raises FullconvError
    if the file is not a raster, or does not have the bands."""
    with open_raster(path, page=page, outside=outside) as raster:
        bands = view.choose(raster.name, raster.count)
        scene = Scene(raster, view, bands, ())
        ranges = view.ranges_of(raster.name, raster.kind, raster.size, scene.values)
        yield Scene(raster, view, bands, ranges)
