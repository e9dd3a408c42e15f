"""What a run of `fullconv predict` was asked to do, and the checks of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fullconv import __version__
from fullconv.commands.paths import file_endings
from fullconv.errors import FullconvError
from fullconv.jobs.job import Job, Wanted
from fullconv.jobs.plan import is_address, is_video
from fullconv.outputs.coverage import shapely_library
from fullconv.outputs.cutout import parse_background
from fullconv.outputs.folder import refuse_file
from fullconv.outputs.writers import OF_PHOTOS, TABLE, WRITERS, refuse_for_rasters
from fullconv.prediction.engines.choice import Choice, identity_of
from fullconv.prediction.predictor import Model, ready
from fullconv.prediction.tiling import check_halo, check_tiling
from fullconv.raster_signs import is_raster
from fullconv.sources import refuse_file_address
from fullconv.weights.model_folder import ModelFolder

VIDEO_OUTPUTS = ("labels", "overlay")
ONE_FILE = "for one file: fullconv predict - < in.jpg > out.png"
SMOOTHED = ("polygons", "coco-polygons", "labelme", "geopackage")


@dataclass(frozen=True)
class Request:
    """What was requested. `of_video`: the outputs for videos, which support fewer than pictures."""

    inputs: tuple[str, ...]
    out: str
    wanted: Wanted
    of_video: tuple[str, ...]
    frames: int | None
    resume: bool
    overwrite: bool
    json_file: str | None
    folder: ModelFolder
    choice: Choice

    @property
    def wants_table(self) -> bool:
        """Whether one table of all pictures is requested."""
        return TABLE in self.wanted.outputs

    def check_here(self) -> None:
        """Checks a run without a cluster: `check`, and that no object store is named, which only a cluster can use."""
        for text in (*self.inputs, self.out):
            if "://" not in text:
                continue
            refuse_file_address(text)
            if text == self.out or not is_address(text):
                raise FullconvError(f"{text}: object stores need --cluster ray (pip install 'fullconv[ray]')")
        self.check()

    def check_out(self) -> None:
        """Raises FullconvError if the folder for the results is a file."""
        refuse_file(Path(self.out), endings=(), one_file=ONE_FILE)

    @property
    def has_name_of_file(self) -> bool:
        """Whether the folder for the results is called as a file would be, such as out.png."""
        return Path(self.out).suffix.lower() in file_endings()

    def check(self) -> None:
        """Raises FullconvError for impossible options, before any file is read or a heavy library is imported."""
        config, wanted = self.folder.config, self.wanted
        if "" in self.inputs:
            raise FullconvError("an input is empty; give a file or a folder, such as . for the current one")
        self._refuse_part_of_a_list()
        if not self.out:
            raise FullconvError("--out: is empty; give a folder, such as . for the current one")
        self.choice.check(self.folder.path)
        if wanted.tile is not None or wanted.halo is not None:
            check_tiling(config, wanted.tile, wanted.halo)
        if wanted.reading.bands or wanted.reading.ranges:
            config.view.asked(wanted.reading)  # raises if bands or ranges do not fit the model
        for name in wanted.classes:
            config.classes.index(name)
        if wanted.background is not None:
            check_background(wanted)

    def _refuse_part_of_a_list(self) -> None:
        """Raises FullconvError for a missing file that is called like an output or a class: with a blank in a list, as
        in --save labels, overlay, the shell passes its second half as an input."""
        for text in self.inputs:
            name = text.rstrip(",")
            example = "--save labels,overlay" if name in WRITERS else "--classes cat,dog"
            if (name in WRITERS or name in self.folder.config.classes.names) and not os.path.exists(text):
                raise FullconvError(f"{text}: no such file or folder; in a list, leave no blanks, as in {example}")

    def check_kinds(self, sources: Callable[[], Iterable[Path]], is_raster: Callable[[Path], bool]) -> None:
        """Raises FullconvError for options that would have no effect on these outputs and files.

        `sources` returns the paths of the inputs. It is called more than once.
        """
        named, wanted = " ".join(self.inputs), self.wanted
        if wanted.simplify is not None and not set(wanted.outputs) & set(SMOOTHED):
            raise FullconvError(
                f"--simplify: applies to {', '.join(SMOOTHED)}; add one of them to --save, or remove it"
            )
        if wanted.simplify:
            shapely_library()
        if self.frames and not any(map(is_video, sources())):
            raise FullconvError(f"--frames: applies to videos, and there are none in {named}; remove it")
        if wanted.halo is not None and not all(map(is_raster, sources())):
            check_halo(wanted.tile, wanted.halo)

    def check_jobs(self, jobs: Iterable[Job]) -> None:
        """Runs `check_kinds`, and checks that --save names an output for videos if there are any, and none that is only
        for photos if there are only rasters. Rasters among photos are reported one by one, and the photos processed."""
        self.check_kinds(lambda: (job.source for job in jobs), is_raster)
        if OF_PHOTOS.keys() & set(self.wanted.outputs) and all(job.is_raster for job in jobs):
            refuse_for_rasters(self.wanted.outputs, " ".join(self.inputs))
        if not self.of_video and (video := next((job for job in jobs if job.is_video), None)):
            outputs = ", ".join(VIDEO_OUTPUTS)
            raise FullconvError(f"{video.source}: videos support {outputs}; name one of these in --save")

    def load(self, streams: int = 1) -> Model:
        loaded = ready(self.folder, self.choice, streams)
        if self.wanted.classes:
            loaded = loaded.among(self.wanted.classes)
        return loaded.mirrored() if self.wanted.mirrored else loaded

    def settings(self, loaded: Model) -> dict[str, Any]:
        """Returns everything that the results depend on, for the manifest."""
        wanted = {**asdict(self.wanted), "outputs": sorted(self.wanted.outputs)}
        video = {"video": sorted(self.of_video), "frames": self.frames}
        for limit in ("max_pixels", "outside"):  # they can refuse pictures, but do not change results
            wanted["reading"].pop(limit)
        return {**identity_of(self.folder, loaded.engine), "fullconv": __version__, **video, **wanted}


def check_background(wanted: Wanted) -> None:
    """Raises FullconvError if the background is invalid, or if there are no cut-outs to use it for."""
    parse_background(wanted.background or "")
    if "cutout" not in wanted.outputs:
        raise FullconvError("--background: applies to cut-outs; add --save cutout, or remove it")
