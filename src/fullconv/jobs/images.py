"""Processes many files. Reading, prediction and writing overlap. A file that cannot be read never stops the others."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from fullconv import images
from fullconv.errors import Damaged, FullconvError, argument
from fullconv.jobs.job import NEW_RUN, Job, RasterRun, Wanted
from fullconv.jobs.outcome import Outcome, merge_pages, stamp
from fullconv.jobs.recorder import NO_RECORDER, PageRecorder, Recorder
from fullconv.outputs.class_table import table_rows
from fullconv.outputs.mosaic import frame_of
from fullconv.outputs.writers import TABLE, save
from fullconv.prediction.engines.contract import ModelError
from fullconv.prediction.flow import in_order
from fullconv.prediction.getting_ready import SPENT
from fullconv.prediction.memory import PHOTO, budget, bytes_of, for_pictures, refuse_heavy
from fullconv.prediction.predictor import Model
from fullconv.processors import PROCESSORS
from fullconv.segmentation import Segmentation, shares_of
from fullconv.words import counted, was

if TYPE_CHECKING:
    from fullconv.jobs.video import VideoRun
    from fullconv.prediction.tiling import TileChoice
    from fullconv.sources import Source

SMALLER = "cut it into parts first, or give --tile auto"
# Bytes per pixel that an output needs in addition to a photo's. The estimates are for pictures with few borders.
OUTLINES = {"cutout": 40, "polygons": 8, "coco": 8, "coco-polygons": 8, "labelme": 8, "confidence": 4}
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def parallelism(pictures: int, videos: int = 0) -> tuple[int, int]:
    """Returns (number of images that the engine runs at once, number of threads). Two more threads than images, so that
    some read and write while others predict."""
    at_once = pictures + videos * (PROCESSORS + 2)  # frames
    streams = min(at_once, PROCESSORS)
    return streams, min(at_once, streams + 2)


def run(
    model: Model,
    jobs: Iterable[Job],
    wanted: Wanted,
    threads: int,
    recorder: Recorder = NO_RECORDER,
    rasters: RasterRun = NEW_RUN,
) -> Iterator[Outcome]:
    """Yields the outcomes of all pictures, in the order of the jobs. Videos are skipped: `run_video` processes them.

    Each thread takes one picture from its file to its results, so that reading, prediction and writing overlap. A
    picture waits until there is enough memory for it. `recorder` checks files before they are written, and records each
    picture as soon as it is done. Raises FullconvError if the disk is full: finished results stay, and no more pictures
    are started.
    """
    most = for_pictures()

    def process(job: Job, need: int) -> Outcome:
        def work() -> Outcome:
            refuse_heavy(job.source, need, most)
            return process_file(model, job, wanted, recorder, rasters)

        return attempt(job, recorder, work)

    with ThreadPoolExecutor(threads) as pool:
        weighed = ((job, memory_of(model, wanted, most, job)) for job in jobs if not job.is_video)
        try:
            for _, future in in_order(weighed, lambda *one: pool.submit(process, *one), most, 2 * threads):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def memory_of(model: Model, wanted: Wanted, most: int, job: Job) -> int:
    """Estimates how many bytes a picture needs. The tiles of a raster are as large as the memory allows."""
    if job.is_raster:
        return min(budget(), most)
    need = bytes_of(job.source, len(model.classes.names), wanted.scores, wanted.soft, wanted.reading.pages)
    return need + need // PHOTO * max((OUTLINES.get(output, 0) for output in wanted.outputs), default=0)


def run_one(
    model: Model, job: Job, wanted: Wanted, recorder: Recorder = NO_RECORDER, rasters: RasterRun = NEW_RUN
) -> Outcome:
    """Processes one picture. Raises FullconvError if the disk is full; other errors are in the outcome."""
    return attempt(job, recorder, lambda: process_file(model, job, wanted, recorder, rasters))


def process_file(model: Model, job: Job, wanted: Wanted, recorder: Recorder, rasters: RasterRun) -> Outcome:
    """Processes all pages of a file, or only one."""
    return (process_pages if wanted.reading.pages else process_page)(model, job, wanted, recorder, rasters)


def run_video(
    model: Model,
    job: Job,
    wanted: Wanted,
    threads: int,
    recorder: Recorder = NO_RECORDER,
    video_run: VideoRun | None = None,
) -> Outcome:
    """Processes one video, several frames at a time. Raises FullconvError if the disk is full."""
    from fullconv.jobs.video import EVERY_FRAME, write_video

    def work() -> Outcome:
        claim = partial(recorder.claim, job.target)
        video = write_video(model, job, wanted, threads, claim, video_run or EVERY_FRAME)
        shares = shares_of(video.counts, model.classes)
        said = (f"{counted(video.lost, 'damaged packet')} {was(video.lost)} left out",) if video.lost else ()
        smaller = reduction(model, (video.height, video.width), wanted.tile)
        return Outcome(
            job.source, video.width, video.height, shares, outputs=video.outputs, frames=video.frames, notes=said,
            reduced_to=smaller,
        )  # fmt: skip

    return attempt(job, recorder, work)


def attempt(job: Job, recorder: Recorder, work: Callable[[], Outcome]) -> Outcome:
    """Returns the outcome of `work` with the time it took, and records it. Raises FullconvError if the disk is full."""
    start, spent, before = time.perf_counter(), SPENT.seconds, stamp(job.source)
    try:
        outcome = outcome_or_error(job, work)
        seconds = time.perf_counter() - start - (SPENT.seconds - spent)
        outcome = replace(outcome, seconds=seconds, stamp=before)
        recorder.add(job, outcome)
    except OSError as error:
        remedy = f"free some space, then run again with {argument('resume', True)}"
        raise FullconvError(f"{job.target}: {_reason(error)}; {remedy}") from None
    return outcome


def outcome_or_error(job: Job, work: Callable[[], Outcome]) -> Outcome:
    """Returns the outcome of `work`, or an outcome with the error if only this file is affected. Errors of the model
    and a full disk affect all files, so these are raised."""
    try:
        return work()
    except ModelError:
        raise
    except FullconvError as error:
        return Outcome(job.source, error=str(error), damaged=isinstance(error, Damaged))
    except MemoryError:
        return Outcome(job.source, error=f"{job.source}: needs more memory than is available; {SMALLER}")
    except OSError as error:
        if error.errno in DISK_FULL:
            raise
        if error.errno == errno.ENAMETOOLONG:
            return Outcome(job.source, error=f"{job.source}: the names of its results are too long; shorten its name")
        return Outcome(job.source, error=f"{job.target}: cannot be written ({_reason(error)})")


def process_page(model: Model, job: Job, wanted: Wanted, recorder: Recorder, rasters: RasterRun) -> Outcome:
    """Processes one page: a raster tile by tile, a photo at once."""
    if job.is_raster:
        from fullconv.jobs.rasters import predict_raster

        return predict_raster(model, job, wanted, recorder, rasters)
    result = segment(model, job.source, wanted)
    claim = partial(recorder.claim, job.target)
    written = tuple(save(result, job.target, wanted.outputs, claim, wanted.background, wanted.simplify))
    rows = table_rows(frame_of(result), result.label_map.__getitem__) if TABLE in wanted.outputs else ()
    height, width = result.label_map.shape
    smaller = reduction(model, (height, width), wanted.tile)
    return Outcome(
        job.source, width, height, result.shares, outputs=written, reduced_to=smaller, rows=rows, notes=result.notes
    )


def segment(model: Model, source: Source, wanted: Wanted) -> Segmentation:
    """Segments a picture, and keeps the scores if one of the outputs needs them."""
    return model.predict(
        source, scores=wanted.scores, tile=wanted.tile, halo=wanted.halo, reading=wanted.reading, soft=wanted.soft
    )


def process_pages(model: Model, job: Job, wanted: Wanted, recorder: Recorder, rasters: RasterRun) -> Outcome:
    """Processes each page of a file. If there are several, their results are target_page1, target_page2 and so on."""
    count = images.count_pages(job.source)
    if count == 1:
        return process_page(model, job, wanted, recorder, rasters)
    done = []
    for number in range(count):
        one = Job(job.source, job.target.with_name(f"{job.target.name}_page{number + 1}"))
        of_page = replace(wanted, reading=wanted.reading.at(number))
        done.append(process_page(model, one, of_page, PageRecorder(recorder, job.target), rasters))
    return merge_pages(done)


def reduction(model: Model, size: tuple[int, int], tile: TileChoice) -> int | None:
    """Returns the length in pixels that the longer side of a photo is reduced to, or None if it is not reduced."""
    longest = model.config.longest_side
    return longest if tile is None and longest is not None and max(size) > longest else None


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
