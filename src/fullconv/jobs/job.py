"""One picture or video of a run: its file, the results that are wanted, and the place for the results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fullconv.outputs.writers import needs_scores
from fullconv.prediction.tiling import TileChoice
from fullconv.raster_signs import is_raster
from fullconv.view import EVERYTHING, Reading


@dataclass(frozen=True)
class Job:
    """One picture or video. `target` is the path of its results without the file extension."""

    source: Path
    target: Path
    is_video: bool = False

    @cached_property
    def is_raster(self) -> bool:
        """Whether it is processed tile by tile. The file is examined once."""
        return is_raster(self.source)


@dataclass(frozen=True)
class Wanted:
    """The settings that apply to every picture of a run.

    `outputs`: which files to write. `tile`, `halo`: the tiles to use, as in `Model.predict`. `reading`: which page,
    bands and values are read. `simplify`: how far the borders of polygons may be smoothed, in pixels; None is the
    default, which smooths rasters but not photos. `classes`: the results are restricted to these; empty means all.
    `background`: what is put behind cut-outs, as the user wrote it. `mirrored`: whether to process each picture's
    mirror image as well.
    """

    outputs: tuple[str, ...]
    tile: TileChoice = None
    halo: str | int | None = None
    reading: Reading = EVERYTHING
    simplify: float | None = None
    classes: tuple[str, ...] = ()
    background: str | None = None
    mirrored: bool = False

    @cached_property
    def scores(self) -> bool:
        """Whether to keep the scores at the picture's own size."""
        return "scores" in self.outputs

    @cached_property
    def soft(self) -> bool:
        """Whether to keep the scores at the size that the network saw."""
        return needs_scores(self.outputs)


@dataclass(frozen=True)
class RasterRun:
    """How this run processes rasters.

    `name` identifies everything that the results depend on. `resume` uses only tiles from runs of the same name.
    `progress` is called from any thread with the raster, the number of finished tiles, and the total number.
    """

    name: str = ""
    resume: bool = False
    progress: Callable[[Path, int, int], object] = lambda *_: None


NEW_RUN = RasterRun()
