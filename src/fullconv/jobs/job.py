"""A picture of a run: where it lies, what is made of it, and where that goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fullconv.outputs.writers import needs_scores
from fullconv.prediction.tiling import Tile
from fullconv.raster import is_raster
from fullconv.view import EVERYTHING, Reading


@dataclass(frozen=True)
class Job:
    """One picture or video, and the path, without ending, of what is written for it."""

    source: Path
    target: Path
    is_video: bool = False

    @cached_property
    def is_raster(self) -> bool:
        """Whether it is gone through by windows; asked of the file once."""
        return is_raster(self.source)


@dataclass(frozen=True)
class Wanted:
    """What is made of every picture of a run, whichever it is: which outputs, seen in which tiles, what of the file is
    read. `simplify`: how far borders of polygons may be smoothed, in pixels; None: of photos none, of rasters as usual.
    `classes`: those that alone are asked for; `background`: what is put behind cut-outs, as it was written; `mirrored`:
    whether each picture's mirror image is looked at, too.
    """

    outputs: tuple[str, ...]
    tile: Tile = None
    halo: str | int | None = None
    reading: Reading = EVERYTHING
    simplify: float | None = None
    classes: tuple[str, ...] = ()
    background: str | None = None
    mirrored: bool = False

    @cached_property
    def scores(self) -> bool:
        """Whether the scores at the picture's own size are to be kept."""
        return "scores" in self.outputs

    @cached_property
    def soft(self) -> bool:
        """Whether those are to be kept that the network gave, at the size it saw."""
        return needs_scores(self.outputs)


@dataclass(frozen=True)
class RasterRun:
    """How this run does rasters. `name` stands for all that results depend on, so that `resume` takes up windows of
    none but such runs; `progress` is called, from any thread, with the raster and the windows done and in all."""

    name: str = ""
    resume: bool = False
    progress: Callable[[Path, int, int], object] = lambda *_: None


ONCE = RasterRun()
