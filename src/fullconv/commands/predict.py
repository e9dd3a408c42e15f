"""fullconv predict"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import click

from fullconv.commands.json_output import json_option, prints_json, write_stream
from fullconv.commands.progress import WindowsDone, frames_bar, with_bar
from fullconv.commands.shared_options import Numbers, Words, memory_option, model_options
from fullconv.commands.terminal import fail, is_watched, note, say
from fullconv.errors import FullconvError
from fullconv.words import counted

if TYPE_CHECKING:
    from fullconv.jobs.outcome import Notes, Outcome
    from fullconv.jobs.plan import Job, RasterRun, Wanted
    from fullconv.jobs.summary import Summary
    from fullconv.prediction.engines.choice import Choice
    from fullconv.prediction.predictor import Model
    from fullconv.weights.model_folder import ModelFolder


DEFAULT = "labels,masks,overlay"
VIDEO_OUTPUTS = ("labels", "overlay")
ROWS = 200  # pictures; of more, only the sums are printed, and predictions.jsonl has the rest
WIDEST = 60  # characters of a name in the table


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("-o", "--out", default="masks", show_default=True, help="Folder for the results.")
@click.option(
    "-s",
    "--save",
    help="What to write, comma-separated: labels, masks, overlay, cutout, confidence, scores, polygons, coco, "
    "coco-polygons, labelme; for videos labels, overlay.  [default: labels,masks,overlay; for videos overlay]",
)
@click.option(
    "--classes",
    type=Words(),
    help="Only these classes, such as cat,dog: each pixel gets the best of them and background.",
)
@click.option(
    "--background", help="Behind cut-outs: white, black, blur, #rrggbb, or a picture.  [default: transparent]"
)
@click.option(
    "--tile", help="Look at pictures at their own scale, in tiles of this many pixels (a multiple of 32), or auto."
)
@click.option(
    "--halo", help="Overlap around each tile in pixels, or 'exact' for results identical to running on the whole image."
)
@click.option(
    "--bands", type=Numbers(int), help="Which bands to use, in the model's order, such as 4,3,2.  [default: the first]"
)
@click.option(
    "--range",
    "values",
    type=Numbers(float),
    help="Which values become 0 and 255, such as 0,3000, or one pair per band.  [default: the model's or the file's]",
)
@click.option("--pages", type=click.Choice(["first", "all"]), default="first", help="Pages to use of multi-page files.")
@click.option(
    "--simplify",
    type=float,
    help="For rasters: how far polygons may be smoothed, in pixels; 0 for not at all.  [default: 1]",
)
@click.option(
    "--max-pixels",
    type=click.IntRange(min=1),
    help="Refuse pictures of more pixels; rasters are read by windows and may have any size.  [default: 178 million]",
)
@memory_option(is_told=True)
@click.option(
    "--outside", type=click.Path(), multiple=True, metavar="DIR",
    help="Allow virtual rasters (.vrt) to name files in this folder too. May be repeated.",
)  # fmt: skip
@click.option("--frames", type=click.IntRange(min=1), help="For videos and cameras: stop after this many frames.")
@click.option("--cluster", type=click.Choice(["ray"]), help="Spread the pictures over processes or machines.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes with --cluster.  [default: all processors]")
@click.option("--resume", is_flag=True, help="Continue an earlier run; finished pictures are not done again.")
@click.option("--overwrite", is_flag=True, help="Replace existing files even if fullconv did not write them.")
@json_option
@model_options
def predict(
    inputs: tuple[str, ...], out: str, save: str | None, classes: tuple[str, ...] | None, background: str | None,
    tile: str | None, halo: str | None,
    bands: tuple[int, ...] | None, values: tuple[float, ...] | None, pages: str, simplify: float | None,
    max_pixels: int | None, memory: str | None, outside: tuple[str, ...],
    frames: int | None, cluster: str | None, workers: int | None,
    resume: bool, overwrite: bool, json_file: str | None, model: str, engine: str, precision: str, device: str | None,
) -> None:  # fmt: skip
    """Segment pictures and videos. Masks have each picture's own size.

    INPUT is a picture, a GeoTIFF, a video, a folder (with its sub-folders), a glob, or webcam:0 (until Ctrl-C).
    With --cluster it may also be an address in an object store, such as s3://bucket/photos. INPUT - is one picture
    from standard input; its labels, or the one output that --save names, go to standard output. For photo.jpg,
    fullconv writes photo_labels.png (class indices, with a palette), photo_<class>.png (0/255) for each class
    found, and photo_overlay.jpg. For clip.mp4 it writes clip_overlay.mp4, and for a GeoTIFF it writes GeoTIFFs with
    the same georeference. predictions.jsonl lists what was done with each input.
    """
    from fullconv.jobs.plan import Wanted
    from fullconv.locks import locked
    from fullconv.outputs.writers import check_outputs
    from fullconv.prediction.engines.choice import Choice
    from fullconv.view import Reading, pairs
    from fullconv.weights.model_folder import open_folder

    if workers and not cluster:
        raise FullconvError("--workers: goes with --cluster ray; without it all processors are at work anyway")
    if memory and cluster:
        raise FullconvError("--memory: holds for one process; with --cluster, choose fewer --workers")
    outputs = tuple(check_outputs(DEFAULT if save is None else save))
    reading = Reading(bands or (), pairs(values), pages=pages == "all", max_pixels=max_pixels, outside=outside)
    wanted = Wanted(outputs, tile, halo, reading, simplify, classes or (), background)
    choice = Choice(engine, precision, device)
    of_video = ("overlay",) if save is None else tuple(output for output in outputs if output in VIDEO_OUTPUTS)
    printing = prints_json(json_file)
    request = Request(
        inputs, out, wanted, of_video, frames, resume, overwrite, json_file, printing, open_folder(model), choice
    )
    if "-" in inputs:
        predict_stream(request if save else replace(request, wanted=replace(wanted, outputs=("labels",))))
        return
    with nullcontext() if "://" in out else locked(Path(out)):
        summary = predict_on_cluster(request, workers) if cluster else predict_here(request)
    if not printing:
        say(summary.line(out))
    if summary.reduced:
        note(f"note: {summary.reduction()}")
    if summary.skipped:
        (note if printing else say)(summary.skipped)
    if summary.failed:
        sys.exit(1)


@dataclass(frozen=True)
class Request:
    """What was asked for. `of_video`: the outputs of a video, which has fewer."""

    inputs: tuple[str, ...]
    out: str
    wanted: Wanted
    of_video: tuple[str, ...]
    frames: int | None
    resume: bool
    overwrite: bool
    json_file: str | None
    prints_json: bool  # and no table
    folder: ModelFolder
    choice: Choice

    def check(self) -> None:
        """Refuses what cannot be, before anything is read or a heavy library imported."""
        from fullconv.prediction.tiling import check_tiling

        self.choice.check(self.folder.path)
        check_tiling(self.folder.config, self.wanted.tile, self.wanted.halo)
        self.folder.config.view.asked(self.wanted.reading)  # which refuses what does not fit
        for name in self.wanted.classes:
            self.folder.config.classes.index(name)
        if self.wanted.background is not None:
            check_background(self.wanted)

    def load(self, streams: int = 1) -> Model:
        from fullconv.prediction.predictor import ready

        return ready(self.folder, self.choice, streams).among(self.wanted.classes)

    def settings(self, loaded: Model) -> dict[str, Any]:
        """What results depend on."""
        from fullconv import __version__
        from fullconv.jobs.done import settings_of

        wanted = {**asdict(self.wanted), "outputs": sorted(self.wanted.outputs)}
        video = {"video": sorted(self.of_video), "frames": self.frames}
        for limit in ("max_pixels", "outside"):  # which refuse pictures, and change no result
            wanted["reading"].pop(limit)
        return settings_of(self.folder, loaded.engine, fullconv=__version__, **video, **wanted)


def predict_stream(request: Request) -> None:
    """One picture from standard input, its result to standard output."""
    from fullconv.jobs.stream import one_result

    if request.inputs != ("-",):
        raise FullconvError("-: standard input is one picture; leave out the other inputs")
    given = {
        "json": request.json_file,
        "resume": request.resume,
        "overwrite": request.overwrite,
        "frames": request.frames,
    }
    if names := [f"--{name}" for name, value in given.items() if value]:
        raise FullconvError(f"{names[0]}: does nothing for standard input; leave it out")
    if sys.stdout.isatty():
        raise FullconvError("-: the result is a file; send it somewhere, as in: fullconv predict - < in.jpg > out.png")
    request.check()
    body = sys.stdin.buffer.read()
    sys.stdout.buffer.write(one_result(request.load(), body, request.wanted))


def predict_here(request: Request) -> Summary:
    from fullconv.files import sweep
    from fullconv.jobs.done import begin, unfinished
    from fullconv.jobs.images import parallelism, run
    from fullconv.jobs.plan import Listed, is_source, plan, skipped
    from fullconv.jobs.summary import Summary
    from fullconv.raster import is_raster

    out = Path(request.out)
    check_addresses(request)
    request.check()
    jobs = plan(request.inputs, out)
    check_concerned(request, lambda: (job.source for job in jobs), is_raster)
    streams, threads = parallelism(len(jobs), sum(job.is_video for job in jobs))
    loaded = request.load(streams)
    settings = request.settings(loaded)
    todo = jobs
    if request.resume:
        sweep(out, (job.target for job in jobs))
        todo = unfinished(jobs, out, settings)
    videos = [job for job in todo if job.is_video]
    check_video(request, videos)
    pictures = (job for job in todo if not job.is_video)
    results = jobs.results if isinstance(jobs, Listed) else 0
    summary = Summary(ran_by(loaded), len(jobs) - len(todo), results, skipped(jobs))
    with closing(begin(out, settings, request.overwrite, partial(is_source, jobs))) as manifest:
        rasters = raster_run(request, manifest.run)
        photos = run(loaded, pictures, request.wanted, threads, manifest, rasters)
        outcomes = chain(
            behind_bar(photos, len(todo) - len(videos), request, (job.source for job in todo)),
            (film(loaded, job, request, threads, manifest) for job in videos),
        )
        report(summary, outcomes, len(todo), (str(job.source) for job in todo), request)
    return summary


def raster_run(request: Request, name: str) -> RasterRun:
    from fullconv.jobs.plan import RasterRun

    return RasterRun(name, request.resume, WindowsDone(hidden=not is_watched()))


def behind_bar(
    outcomes: Iterator[Outcome], number: int, request: Request, sources: Iterable[Path]
) -> Iterator[Outcome]:
    """The same outcomes behind a bar, unless rows, or bars of rasters, come to the same screen."""
    from fullconv.raster import is_raster

    rows = (request.prints_json or number <= ROWS) and sys.stdout.isatty()
    return with_bar(outcomes, number, hidden=rows or (is_watched() and any(map(is_raster, sources))))


def film(loaded: Model, job: Job, request: Request, threads: int, notes: Notes) -> Outcome:
    """What became of a video; a bar with the time left where somebody watches."""
    from fullconv.jobs.images import run_video
    from fullconv.jobs.search import is_webcam
    from fullconv.jobs.video import Reel, interruption

    hidden = not is_watched() or (request.prints_json and sys.stdout.isatty())
    with (
        interruption() if is_webcam(job.source) else nullcontext(Event()) as ended,
        frames_bar(job.source, request.frames, hidden) as see,
    ):
        reel = Reel(see, lambda frames: frames != request.frames and not ended.is_set())
        wanted = replace(request.wanted, outputs=request.of_video)
        return run_video(loaded, job, wanted, threads, notes, reel)


def check_video(request: Request, videos: list[Job]) -> None:
    if videos and not request.of_video:
        outputs = ", ".join(VIDEO_OUTPUTS)
        raise FullconvError(f"{videos[0].source}: of a video there are {outputs}; --save names none of them")


def check_concerned(request: Request, sources: Callable[[], Iterable[Path]], is_raster: Callable[[Path], bool]) -> None:
    """Refuses options that would do nothing: those for kinds of files of which there are none."""
    from fullconv.jobs.search import is_video
    from fullconv.prediction.tiling import check_halo

    named = " ".join(request.inputs)
    if request.wanted.simplify is not None and not any(map(is_raster, sources())):
        raise FullconvError(f"--simplify: is for rasters, and there are none in {named}; leave it out")
    if request.wanted.simplify is not None and not set(request.wanted.outputs) & {"polygons", "geopackage"}:
        raise FullconvError("--simplify: is for polygons; add --save polygons or geopackage, or leave it out")
    if request.frames and not any(map(is_video, sources())):
        raise FullconvError(f"--frames: is for videos, and there are none in {named}; leave it out")
    if request.wanted.halo is not None and not all(map(is_raster, sources())):
        check_halo(request.wanted.tile, request.wanted.halo)


def check_background(wanted: Wanted) -> None:
    """Raises FullconvError for one that is none, or that nothing is put before."""
    from fullconv.outputs.cutout import parse_ground

    parse_ground(wanted.background or "")
    if "cutout" not in wanted.outputs:
        raise FullconvError("--background: is for cut-outs; add --save cutout, or leave it out")


def check_addresses(request: Request) -> None:
    for text in (*request.inputs, request.out):
        if "://" in text:
            raise FullconvError(f"{text}: object stores go with --cluster ray (pip install 'fullconv[ray]')")


def predict_on_cluster(request: Request, workers: int | None) -> Summary:
    from fullconv.jobs import cluster
    from fullconv.jobs.search import is_webcam, no_cluster
    from fullconv.jobs.stores import place
    from fullconv.jobs.summary import Summary
    from fullconv.outputs.writers import endings
    from fullconv.raster import may_be_raster

    if cameras := [path for path in map(Path, request.inputs) if is_webcam(path)]:
        raise no_cluster(cameras[0])
    inputs, out = [place(text) for text in request.inputs], place(request.out)
    task = cluster.Task(inputs, out, request.wanted, request.choice, [], request.overwrite)
    cluster.check(task)
    request.check()
    loaded = request.load()
    settings = request.settings(loaded)
    task = replace(task, endings=endings(request.wanted.outputs, loaded.classes))
    plan = cluster.find(task, settings if request.resume else None)
    rows = plan.rows
    if rows:
        check_concerned(request, lambda: (Path(row["path"]) for row in rows), may_be_raster)
    summary = Summary(ran_by(loaded), plan.done, plan.results, plan.skipped)
    lines = cluster.run(task, request.folder.path, rows, settings, workers)
    outcomes = behind_bar(map(cluster.outcome_of, lines), len(rows), request, ())
    report(summary, outcomes, len(rows), (row["path"] for row in rows), request)
    return summary


def ran_by(model: Model) -> str:
    return f"{model.engine.name}, {model.engine.precision}"


def report(summary: Summary, outcomes: Iterator[Outcome], number: int, names: Iterable[str], request: Request) -> None:
    """Each outcome as it comes: as JSON, or a row a picture where they are not too many."""
    counted = summary.over(outcomes, told)
    if not request.prints_json:
        counted = with_rows(counted, number, names)
    if request.json_file is None:
        for _ in counted:
            pass
    else:
        write_stream(request.json_file, "results", (outcome.to_json() for outcome in counted))


def told(line: str) -> None:
    """An error, or a note."""
    if line.startswith("error: "):
        fail(line.removeprefix("error: "))
    else:
        note(line)


def with_rows(outcomes: Iterator[Outcome], number: int, names: Iterable[str]) -> Iterator[Outcome]:
    """The same outcomes, a row printed of each."""
    rows = number <= ROWS
    width = min(WIDEST, max(map(len, names), default=0)) if rows else 0
    for outcome in outcomes:
        if rows and not outcome.error:
            say(row(outcome, width))
        yield outcome


def row(outcome: Outcome, width: int) -> str:
    """File, size, time, the classes found and their share of the pixels."""
    found = "  ".join(f"{name} {percent(share)}" for name, share in outcome.shares.items())
    name, size = click.format_filename(outcome.source), f"{outcome.width}x{outcome.height}"
    if outcome.frames:
        size += f" {counted(outcome.frames, 'frame')}"
    return f"{name:{width}}  {size:>11}  {outcome.seconds * 1000:6.0f} ms  {found}"


def percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.0005 else "<0.1%"
