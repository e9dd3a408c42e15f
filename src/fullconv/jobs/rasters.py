"""Processes a raster tile by tile, so that memory is limited. The results are georeferenced.

Each finished tile is kept as a piece (raster_pieces.py). When all tiles are finished, the results are put together
from the pieces. They are always written in the same order from the same tiles, so a resumed run writes the same bytes
as an uninterrupted one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullconv.classes import Classes, LabelMap
from fullconv.errors import Damaged
from fullconv.files import write_whole
from fullconv.georeference import import_rasterio, refuse_undecodable
from fullconv.images import LARGEST_IN_MEMORY, directory_of
from fullconv.jobs.job import NEW_RUN, Job, RasterRun, Wanted
from fullconv.jobs.outcome import Outcome, TableRow
from fullconv.jobs.raster_pieces import SOFT, Work, open_work, write_pieces
from fullconv.jobs.recorder import NO_RECORDER, Recorder
from fullconv.outputs import geotiff
from fullconv.outputs.class_table import table_rows
from fullconv.outputs.file import Files, beside
from fullconv.outputs.georeferenced import MOSAIC_WRITERS
from fullconv.outputs.mosaic import SIMPLIFIED, Frame, Mosaic
from fullconv.outputs.vectors import refuse_nameless
from fullconv.outputs.writers import TABLE, Claim, refuse_for_rasters
from fullconv.prediction.predictor import Model
from fullconv.prediction.scene import Scene, open_scene
from fullconv.prediction.tiling import Tiling
from fullconv.view import Part, taken

ENDINGS = {
    "labels": "_labels.tif", "scores": "_scores.tif", "overlay": "_overlay.tif",
    "confidence": "_confidence.tif", "polygons": ".geojson", "geopackage": ".gpkg",
}  # fmt: skip


def predict_raster(
    model: Model, job: Job, wanted: Wanted, recorder: Recorder = NO_RECORDER, rasters: RasterRun = NEW_RUN
) -> Outcome:
    """Writes target_labels.tif and so on. `recorder` checks the names of these files twice: at the start, as far as
    they are known by then, and before they are written.

    Raises FullconvError if the raster cannot be processed, and OSError if writing fails.
    """
    refuse_for_rasters(wanted.outputs, job.source)
    for path in (job.source, job.target):
        refuse_undecodable(path)
    recorder.check(job.target, [beside(job.target, ENDINGS[output]) for output in wanted.outputs if output in ENDINGS])
    directory, view = directory_of(job.source, wanted.reading.page)[0], model.view.asked(wanted.reading)
    with geotiff.steady_cache(), open_scene(job.source, view, directory, wanted.reading.outside) as scene:
        if "polygons" in wanted.outputs:
            refuse_nameless(scene.georeference, job.source)  # before the work
        tiling = tiling_of(model, scene, wanted)
        work = open_work(job, tiling, rasters)
        try:
            write_pieces(model, scene, work, wanted.outputs, partial(rasters.progress, job.source))
        except Damaged:
            shutil.rmtree(work.folder)  # no run can continue with a damaged raster
            raise
        frame = Frame(scene.size, model.classes, scene.georeference)
        counts = assemble(work, frame, {"model": model.config.name, **taken(scene.bands, scene.ranges)})
        rows = rows_in(work, frame) if TABLE in wanted.outputs else ()
        written = write(work, scene, frame, job.target, wanted, partial(recorder.claim, job.target))
    shutil.rmtree(work.folder)
    height, width = frame.size
    return Outcome(
        job.source, width, height, shares(counts, model.classes), outputs=tuple(written),
        reduced_to=tiling.reduced_to, rows=rows, notes=scene.notes,
    )  # fmt: skip


def tiling_of(model: Model, scene: Scene, wanted: Wanted) -> Tiling:
    """Returns the same tiling as for other pictures, but a raster that is too large for memory always gets tiles."""
    height, width = scene.size
    tile = "auto" if wanted.tile is None and height * width > LARGEST_IN_MEMORY else wanted.tile
    return model.tiling(
        scene.size, tile, wanted.halo, bool(SOFT.keys() & set(wanted.outputs)), scene.raster.keeps_scale
    )


def assemble(work: Work, frame: Frame, tags: dict[str, str]) -> NDArray[np.int64]:
    """Writes the label map into the work folder. Returns (256,): the number of pixels of each value."""
    counts = np.zeros(256, np.int64)

    def counted() -> Iterator[tuple[Part, LabelMap]]:
        for part, label_map in work.pieces("labels"):
            counts[:] += np.bincount(label_map.ravel(), minlength=256)
            yield part, label_map

    write_whole(work.labels, lambda hidden: geotiff.write_labels(hidden, frame, counted(), tags))
    return counts


def rows_in(work: Work, frame: Frame) -> tuple[TableRow, ...]:
    """Returns the rows for the run's table."""
    with import_rasterio().open(work.labels) as labels:
        return table_rows(frame, reader_of(labels))


def reader_of(raster: Any) -> Callable[[Part], LabelMap]:
    """Returns a function that reads any part of an open label map."""

    def read(part: Part) -> LabelMap:
        label_map: LabelMap = raster.read(1, window=geotiff.window_of(part))
        return label_map

    return read


def write(work: Work, scene: Scene, frame: Frame, target: Path, wanted: Wanted, claim: Claim) -> list[Path]:
    """Writes all files under their final names and returns their paths. The label map is moved last, because the run
    can be resumed until then."""
    files: Files = {}
    simplify = SIMPLIFIED if wanted.simplify is None else wanted.simplify
    with import_rasterio().open(work.labels) as labels:
        mosaic = Mosaic(
            frame.size, frame.classes, frame.georeference, reader_of(labels), scene.rgb, simplify, wanted.classes
        )
        for output in wanted.outputs:
            if output in MOSAIC_WRITERS:
                files |= MOSAIC_WRITERS[output](mosaic, target)
        if "scores" in wanted.outputs:
            files |= geotiff.write_scores(frame, work.pieces(SOFT["scores"]))
        if "confidence" in wanted.outputs:
            files |= geotiff.write_confidence(frame, work.pieces(SOFT["confidence"]))
        named = geotiff.write_categories(frame.classes) if "labels" in wanted.outputs else {}
        label_map = [beside(target, geotiff.LABELS) for _ in named]
        claim([*(beside(target, ending) for ending in files | named), *label_map])
        written, categories = (
            [write_whole(beside(target, ending), fill) for ending, fill in some.items()] for some in (files, named)
        )
    for path in label_map:
        os.replace(work.labels, path)
    return [*written, *label_map, *categories]


def shares(counts: NDArray[np.int64], classes: Classes) -> dict[str, float]:
    """Returns {class: share of all pixels} of the classes that are present, the largest first."""
    present = sorted(np.flatnonzero(counts[: len(classes)]), key=lambda i: -counts[i])
    return {classes.names[i]: float(counts[i] / counts.sum()) for i in present}
