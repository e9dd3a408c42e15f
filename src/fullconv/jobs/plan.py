"""The plan of a run: every picture and video of the inputs, where its results go, and which outputs it gets."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from fullconv.jobs.search import Search, is_video, names_a_file, refuse_missing
from fullconv.outputs.manifest import Results
from fullconv.outputs.writers import needs_scores
from fullconv.view import EVERYTHING, Reading

if TYPE_CHECKING:
    from fullconv.images import Source
    from fullconv.jobs.listing import LeftOut, Listing
    from fullconv.prediction.predictor import Model
    from fullconv.prediction.tiling import Tile
    from fullconv.segmentation import Segmentation


@dataclass(frozen=True)
class Job:
    """One picture or video, and the path, without ending, of what is written for it."""

    source: Path
    target: Path
    is_video: bool = False


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

    def of(self, model: Model, source: Source) -> Segmentation:
        """A picture as the model sees it, with the scores that the outputs are made of."""
        scores, soft = "scores" in self.outputs, needs_scores(self.outputs)
        return model.predict(source, scores=scores, tile=self.tile, halo=self.halo, reading=self.reading, soft=soft)


@dataclass(frozen=True)
class RasterRun:
    """How this run does rasters. `name` stands for all that results depend on, so that `resume` takes up windows of
    none but such runs; `progress` is called, from any thread, with the raster and the windows done and in all."""

    name: str = ""
    resume: bool = False
    progress: Callable[[Path, int, int], object] = lambda *_: None


ONCE = RasterRun()


class Jobs(Protocol):
    """What is to be done, in order: can be gone through again and again."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Job]: ...


@dataclass(frozen=True)
class Listed:
    """Jobs of a list that lies on disk, so that there may be any number; `results` of earlier runs were left out."""

    listing: Listing
    out: Path
    left_out: LeftOut
    results: int = 0

    def __len__(self) -> int:
        return len(self.listing)

    def __iter__(self) -> Iterator[Job]:
        return (_job(source, self.out / name) for source, name in self.listing)


def plan(inputs: Sequence[str], out: Path) -> Jobs:
    """What to predict: files, folders (with their sub-folders, which are kept under `out`), globs and webcam:0.

    Every picture or video gets a target of its own: where two would share one, the extension, then the folder's name,
    joins it. What earlier runs wrote, by the manifests beside it, is never an input, wherever it lies.
    """
    if len(inputs) == 1 and names_a_file(inputs[0]):
        refuse_missing(inputs[0])
        search = Search(Results())
        jobs: Jobs = [_job(source, out / path.with_suffix("")) for _, source, path in search.found(inputs)]
    else:
        from fullconv.jobs.listing import LeftOut, Listing

        left_out = LeftOut()
        search = Search(Results(), left_out)
        listing = Listing(search.found(inputs))
        jobs = Listed(listing, out, left_out, search.earlier)
    if not len(jobs):
        raise search.nothing(inputs)
    return jobs


def _job(source: str, target: Path) -> Job:
    path = Path(source)
    return Job(path, target, is_video(path))


def skipped(jobs: Jobs) -> str:
    """What of the folders was left out, in words; empty where nothing was."""
    return str(jobs.left_out) if isinstance(jobs, Listed) else ""


def is_source(jobs: Jobs, path: Path) -> bool:
    """Whether it is one of the pictures to be done."""
    if isinstance(jobs, Listed):
        return path in jobs.listing
    return any(os.path.abspath(job.source) == os.path.abspath(path) for job in jobs)
