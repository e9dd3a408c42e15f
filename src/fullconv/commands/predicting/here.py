"""Runs `fullconv predict` on this machine: files, photos from the web, videos, or one picture from standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from threading import Event

import click
from click.core import ParameterSource

from fullconv.commands.environment import longest_flag
from fullconv.commands.json_output import STANDARD_OUTPUT
from fullconv.commands.predicting.printout import Printout
from fullconv.commands.predicting.request import Request
from fullconv.commands.progress import TilesDone, frames_bar
from fullconv.commands.terminal import is_watched, note
from fullconv.errors import FullconvError
from fullconv.files import sweep
from fullconv.jobs.done import RunManifest, Todo, begin, unfinished
from fullconv.jobs.images import parallelism, run, run_video
from fullconv.jobs.job import Job, RasterRun
from fullconv.jobs.outcome import Outcome
from fullconv.jobs.plan import Jobs, is_source, is_webcam, left_out, plan, unread
from fullconv.jobs.table import check_table, write_table
from fullconv.outputs.manifest import NAME
from fullconv.prediction.predictor import Model

# Options that have no effect on a picture from standard input.
OF_FILES = ("json_file", "out", "resume", "overwrite", "frames", "pages", "outside", "allow_http", "cluster")


def predict_stream(request: Request) -> None:
    """Reads one picture from standard input and writes its result to standard output."""
    from fullconv.jobs.stream import one_result

    if request.inputs != ("-",):
        raise FullconvError("-: standard input is one picture; remove the other inputs")
    refuse_without_effect(click.get_current_context())
    if request.wants_table:
        raise FullconvError("--save csv: is one table for many pictures; choose another output for standard input")
    if sys.stdout.isatty():
        raise FullconvError("-: the result is a file; redirect it, as in: fullconv predict - < in.jpg > out.png")
    request.check()
    body = sys.stdin.buffer.read()
    sys.stdout.buffer.write(one_result(request.load(), body, request.wanted))


def refuse_without_effect(context: click.Context) -> None:
    """Raises FullconvError for an option on the command line that standard input makes meaningless. One that is set in
    the environment may be meant for other runs."""
    for option in context.command.params:
        source = context.get_parameter_source(option.name or "")
        if option.name in OF_FILES and source is ParameterSource.COMMANDLINE:
            raise FullconvError(f"{longest_flag(option)}: has no effect with standard input; remove it")


def predict_fetched(request: Request, allow_http: bool) -> Printout:
    """Predicts inputs of which some are on the web. Messages name those by their addresses."""
    from fullconv.jobs.addresses import fetched

    request.check_here()
    with fetched(request.inputs, allow_http) as found:
        if not found.inputs:
            raise FullconvError(str(found.failures[0].error))
        on_disk = replace(request, inputs=found.inputs)
        return predict_here(
            on_disk, found.name, lambda outcomes: chain(found.failures, map(found.with_address, outcomes))
        )


def predict_files(request: Request) -> Printout:
    """Predicts pictures and videos on disk, and cameras."""
    request.check_here()
    return predict_here(request)


def predict_here(
    request: Request,
    name: Callable[[Path], str] = str,
    reported: Callable[[Iterator[Outcome]], Iterator[Outcome]] = iter,
) -> Printout:
    """Runs a request that has been checked. `name` returns the name to print for a file; `reported` changes the
    outcomes before they are printed."""
    out = Path(request.out)
    jobs = plan(request.inputs, out)
    request.check_jobs(jobs)
    tell_of_masks(request.inputs, jobs)
    streams, threads = parallelism(len(jobs), sum(job.is_video for job in jobs))
    model = request.load(streams)
    settings = request.settings(model)
    if (out / NAME).is_file():  # otherwise no run was started there, so none can have left unfinished files
        sweep(out, chain((job.target for job in jobs), [(out / NAME).with_suffix("")]))
    todo = unfinished(jobs, out, settings) if request.resume else Todo(jobs)
    printout = Printout(request.json_file, model.ran_by, todo.done, todo.damaged, *left_out(jobs))
    table = request.wants_table
    with closing(begin(out, settings, request.overwrite, partial(is_source, jobs))) as manifest:
        if table:
            check_table(manifest)
        outcomes = chain(unread(jobs), outcomes_of(request, model, todo, threads, manifest, printout))
        printout.show(reported(outcomes), len(todo.jobs), (name(job.source) for job in todo.jobs))
        printout.removed = manifest.removed
        if table:
            write_table(manifest, jobs, name)
            printout.files += 1
    return printout


def tell_of_masks(inputs: Sequence[str], jobs: Jobs) -> None:
    """Prints a note if a folder is that of a data set, so that its masks are not taken for photos silently."""
    if any(map(os.path.isdir, inputs)):
        from fullconv.jobs.masks import notes_on_masks

        for text in notes_on_masks(inputs, jobs):
            note(f"note: {text}")


def outcomes_of(
    request: Request, model: Model, todo: Todo, threads: int, manifest: RunManifest, printout: Printout
) -> Iterator[Outcome]:
    """Yields the outcomes of unreadable files, then of pictures, then of videos. Shows progress bars on a terminal."""
    videos = [job for job in todo.jobs if job.is_video]
    rasters = RasterRun(manifest.run, request.resume, TilesDone(hidden=not is_watched()))
    pictures = run(model, todo.jobs, request.wanted, threads, manifest, rasters)
    number = len(todo.jobs) - len(videos)
    return chain(
        todo.errors,
        printout.behind_bar(pictures, number, (job.source for job in todo.jobs)),
        map(partial(predict_video, request, model, threads, manifest), videos),
    )


def predict_video(request: Request, model: Model, threads: int, manifest: RunManifest, job: Job) -> Outcome:
    """Predicts a video, with a progress bar on a terminal."""
    from fullconv.jobs.video import VideoRun, interruption

    hidden = not is_watched() or (request.json_file == STANDARD_OUTPUT and sys.stdout.isatty())
    with (
        interruption() if is_webcam(job.source) else nullcontext(Event()) as ended,
        frames_bar(job.source, request.frames, hidden) as advance,
    ):
        video_run = VideoRun(advance, lambda frames: frames != request.frames and not ended.is_set())
        wanted = replace(request.wanted, outputs=request.of_video)
        return run_video(model, job, wanted, threads, manifest, video_run)
