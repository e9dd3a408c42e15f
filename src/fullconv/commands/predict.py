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
from fullconv.commands.shared_options import Numbers, Words, memory_option, model_options, tta_option
from fullconv.commands.terminal import fail, is_watched, note, say
from fullconv.errors import FullconvError
from fullconv.words import counted

if TYPE_CHECKING:
    from fullconv.jobs.addresses import Fetched
    from fullconv.jobs.job import Job, RasterRun, Wanted
    from fullconv.jobs.outcome import Notes, Outcome
    from fullconv.jobs.plan import Jobs
    from fullconv.jobs.summary import Summary
    from fullconv.prediction.engines.choice import Choice
    from fullconv.prediction.predictor import Model
    from fullconv.weights.model_folder import ModelFolder


DEFAULT = "labels,masks,overlay"
VIDEO_OUTPUTS = ("labels", "overlay")
TABLE = "csv"  # the output that is one file of all pictures
ROWS = 200  # pictures; of more, only the sums are printed, and predictions.jsonl has the rest
WIDEST = 60  # characters of a name in the table


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("-o", "--out", default="masks", show_default=True, help="Folder for the results.")
@click.option(
    "-s",
    "--save",
    help="Outputs to write, separated by commas: labels, masks, overlay, cutout, confidence, scores, polygons, coco, "
    "coco-polygons, labelme, geopackage, csv (one table). Videos support labels and overlay.  "
    "[default: labels,masks,overlay; for videos, overlay]",
)
@click.option(
    "--classes",
    type=Words(),
    help="Use only these classes, such as cat,dog. Each pixel gets the best of these and background.",
)
@click.option(
    "--background",
    help="Background of cut-outs: white, black, blur, #rrggbb, or a picture file.  [default: transparent]",
)
@click.option(
    "--tile",
    help="Process pictures at full resolution in tiles of this many pixels (a multiple of 32), or 'auto'.",
)
@click.option(
    "--halo", help="Overlap around each tile in pixels, or 'exact' for results identical to running on the whole image."
)
@click.option(
    "--bands",
    type=Numbers(int),
    help="Bands to use, in the order the model expects, such as 4,3,2.  [default: the first ones]",
)
@click.option(
    "--range",
    "values",
    type=Numbers(float),
    help="Values to map to 0 and 255, such as 0,3000; or one pair per band.  [default: from the model or the file]",
)
@click.option(
    "--pages", type=click.Choice(["first", "all"]), default="first", help="Pages to use from multi-page files."
)
@click.option(
    "--simplify",
    type=float,
    help="Rasters only: how far simplified polygons may move from the pixels' edges, in pixels; 0 turns simplification "
    "off.  [default: 1]",
)
@click.option(
    "--max-pixels",
    type=click.IntRange(min=1),
    help="Refuse pictures with more pixels than this. Rasters are read in windows and can be any size.  "
    "[default: 178 million]",
)
@memory_option(is_told=True)
@click.option(
    "--outside", type=click.Path(), multiple=True, metavar="DIR",
    help="Also allow virtual rasters (.vrt) to refer to files in this folder. Can be repeated.",
)  # fmt: skip
@click.option("--allow-http", is_flag=True, help="Also fetch photos from unencrypted addresses (http://).")
@click.option("--frames", type=click.IntRange(min=1), help="Videos and cameras only: stop after this many frames.")
@click.option("--cluster", type=click.Choice(["ray"]), help="Distribute the work over several processes or machines.")
@click.option(
    "--workers", type=click.IntRange(min=1), help="Number of processes for --cluster.  [default: one per processor]"
)
@click.option("--resume", is_flag=True, help="Continue an earlier run and skip the pictures that are finished.")
@click.option("--overwrite", is_flag=True, help="Replace existing files even if fullconv did not write them.")
@tta_option
@json_option
@model_options
def predict(
    inputs: tuple[str, ...], out: str, save: str | None, classes: tuple[str, ...] | None, background: str | None,
    tile: str | None, halo: str | None,
    bands: tuple[int, ...] | None, values: tuple[float, ...] | None, pages: str, simplify: float | None,
    max_pixels: int | None, memory: str | None, outside: tuple[str, ...], allow_http: bool, frames: int | None,
    cluster: str | None, workers: int | None, resume: bool, overwrite: bool, tta: bool, json_file: str | None,
    model: str, engine: str, precision: str, device: str | None,
) -> None:  # fmt: skip
    """Segment pictures and videos. Each mask has the same size as its picture.

    INPUT is a picture, a GeoTIFF, a video, a folder (including its subfolders), a glob pattern, the address of a
    photo (https://...), or webcam:0 (runs until Ctrl-C). With --cluster it can also be an object store URL, such as
    s3://bucket/photos. If INPUT is -, one picture is read from standard input, and its labels (or the one output named
    by --save) are written to standard output.

    For photo.jpg, fullconv writes photo_labels.png (class indices, with a palette), photo_<class>.png (0/255) for each
    class found, and photo_overlay.jpg. For clip.mp4 it writes clip_overlay.mp4. For a GeoTIFF it writes GeoTIFFs with
    the same georeference. predictions.jsonl records the result for each input.
    """
    from fullconv.jobs.job import Wanted
    from fullconv.locks import locked
    from fullconv.outputs.writers import check_outputs
    from fullconv.prediction.engines.choice import Choice
    from fullconv.view import Reading, range_pairs
    from fullconv.weights.model_folder import open_folder

    if workers and not cluster:
        raise FullconvError("--workers: only works with --cluster ray; without it, all processors are used anyway")
    if memory and cluster:
        raise FullconvError("--memory: limits one process; with --cluster, choose fewer --workers")
    outputs = tuple(check_outputs(DEFAULT if save is None else save))
    reading = Reading(bands or (), range_pairs(values), pages=pages == "all", max_pixels=max_pixels, outside=outside)
    wanted = Wanted(outputs, tile, halo, reading, simplify, classes or (), background, tta)
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
        if cluster:
            summary = predict_on_cluster(request, workers)
        elif any("://" in text for text in inputs):
            summary = predict_fetched(request, allow_http)
        else:
            summary = predict_here(request)
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

        loaded = ready(self.folder, self.choice, streams).among(self.wanted.classes)
        return loaded.mirrored() if self.wanted.mirrored else loaded

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
        raise FullconvError("-: standard input is one picture; remove the other inputs")
    given = {
        "json": request.json_file,
        "resume": request.resume,
        "overwrite": request.overwrite,
        "frames": request.frames,
    }
    if names := [f"--{name}" for name, value in given.items() if value]:
        raise FullconvError(f"{names[0]}: has no effect with standard input; remove it")
    if TABLE in request.wanted.outputs:
        raise FullconvError("--save csv: is one table for many pictures; choose another output for standard input")
    if sys.stdout.isatty():
        raise FullconvError("-: the result is a file; redirect it, as in: fullconv predict - < in.jpg > out.png")
    request.check()
    body = sys.stdin.buffer.read()
    sys.stdout.buffer.write(one_result(request.load(), body, request.wanted))


def predict_fetched(request: Request, allow_http: bool) -> Summary:
    """Pictures here, some of which lie on the web."""
    from fullconv.jobs.addresses import fetched

    check_addresses(request)
    request.check()
    with fetched(request.inputs, allow_http) as found:
        if not found.inputs:
            raise FullconvError(str(found.failures[0].error))
        return predict_here(replace(request, inputs=found.inputs), found)


def predict_here(request: Request, found: Fetched | None = None) -> Summary:
    """Pictures on disk; `found` tells of those that were fetched."""
    from fullconv.files import sweep
    from fullconv.jobs.done import begin, everything, unfinished
    from fullconv.jobs.images import parallelism, run
    from fullconv.jobs.plan import Listed, is_source, plan, skipped
    from fullconv.jobs.summary import Summary
    from fullconv.jobs.table import check_table, write_table
    from fullconv.outputs.manifest import NAME
    from fullconv.raster import is_raster

    out = Path(request.out)
    if found is None:
        check_addresses(request)
        request.check()
    jobs = plan(request.inputs, out)
    check_concerned(request, lambda: (job.source for job in jobs), is_raster)
    streams, threads = parallelism(len(jobs), sum(job.is_video for job in jobs))
    loaded = request.load(streams)
    settings = request.settings(loaded)
    if (out / NAME).is_file():  # else no run was ever begun there
        sweep(out, chain((job.target for job in jobs), [(out / NAME).with_suffix("")]))
    todo = unfinished(jobs, out, settings) if request.resume else everything(jobs)
    videos = [job for job in todo if job.is_video]
    check_video(request, videos)
    pictures = (job for job in todo if not job.is_video)
    results = jobs.results if isinstance(jobs, Listed) else 0
    summary = Summary(ran_by(loaded), todo.done, todo.damaged, results, skipped(jobs))
    with closing(begin(out, settings, request.overwrite, partial(is_source, jobs))) as manifest:
        if TABLE in request.wanted.outputs:
            check_table(manifest)
        rasters = raster_run(request, manifest.run)
        photos = run(loaded, pictures, request.wanted, threads, manifest, rasters)
        outcomes = chain(
            todo.errors(),
            behind_bar(photos, len(todo) - len(videos), request, (job.source for job in todo)),
            (film(loaded, job, request, threads, manifest) for job in videos),
        )
        report_named(summary, outcomes, todo, request, found)
        if TABLE in request.wanted.outputs:
            write_table(manifest, jobs, found.name if found else str)
            summary.files += 1
    return summary


def report_named(
    summary: Summary, outcomes: Iterator[Outcome], todo: Jobs, request: Request, found: Fetched | None
) -> None:
    """The same as `report`; what was fetched goes by its address."""
    if found is None:
        report(summary, outcomes, len(todo), (str(job.source) for job in todo), request)
    else:
        told_by_address = chain(found.failures, map(found.told, outcomes))
        report(summary, told_by_address, len(todo), (found.name(job.source) for job in todo), request)


def raster_run(request: Request, name: str) -> RasterRun:
    from fullconv.jobs.job import RasterRun

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
    from fullconv.jobs.plan import is_webcam
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
        raise FullconvError(f"{videos[0].source}: videos support {outputs}; name one of these in --save")


def check_concerned(request: Request, sources: Callable[[], Iterable[Path]], is_raster: Callable[[Path], bool]) -> None:
    """Refuses options that would do nothing: those for kinds of files of which there are none."""
    from fullconv.jobs.plan import is_video
    from fullconv.prediction.tiling import check_halo

    named = " ".join(request.inputs)
    if request.wanted.simplify is not None and not any(map(is_raster, sources())):
        raise FullconvError(f"--simplify: applies to rasters, and there are none in {named}; remove it")
    if request.wanted.simplify is not None and not set(request.wanted.outputs) & {"polygons", "geopackage"}:
        raise FullconvError("--simplify: applies to polygons; add --save polygons or geopackage, or remove it")
    if request.frames and not any(map(is_video, sources())):
        raise FullconvError(f"--frames: applies to videos, and there are none in {named}; remove it")
    if request.wanted.halo is not None and not all(map(is_raster, sources())):
        check_halo(request.wanted.tile, request.wanted.halo)


def check_background(wanted: Wanted) -> None:
    """Raises FullconvError for one that is none, or that nothing is put before."""
    from fullconv.outputs.cutout import parse_ground

    parse_ground(wanted.background or "")
    if "cutout" not in wanted.outputs:
        raise FullconvError("--background: applies to cut-outs; add --save cutout, or remove it")


def check_addresses(request: Request) -> None:
    from fullconv.jobs.plan import is_address

    for text in (*request.inputs, request.out):
        if "://" in text and (text == request.out or not is_address(text)):
            raise FullconvError(f"{text}: object stores need --cluster ray (pip install 'fullconv[ray]')")


def predict_on_cluster(request: Request, workers: int | None) -> Summary:
    from fullconv.jobs import cluster
    from fullconv.jobs.plan import is_webcam, no_cluster
    from fullconv.jobs.stores import place
    from fullconv.jobs.summary import Summary
    from fullconv.outputs.writers import endings
    from fullconv.raster import may_be_raster

    if cameras := [path for path in map(Path, request.inputs) if is_webcam(path)]:
        raise no_cluster(cameras[0])
    inputs, out = [place(text) for text in request.inputs], place(request.out)
    task = cluster.Task(inputs, out, request.wanted, request.choice, [], request.overwrite)
    if TABLE in request.wanted.outputs:
        raise FullconvError("--save csv: does not work with --cluster; read the shares in predictions.jsonl instead")
    cluster.check(task)
    request.check()
    loaded = request.load()
    settings = request.settings(loaded)
    task = replace(task, endings=endings(request.wanted.outputs, loaded.classes))
    plan = cluster.find(task, settings if request.resume else None)
    rows = plan.rows
    if rows:
        check_concerned(request, lambda: (Path(row["path"]) for row in rows), may_be_raster)
    summary = Summary(ran_by(loaded), plan.done, len(plan.damaged), plan.results, plan.skipped)
    lines = cluster.run(task, request.folder.path, rows, settings, workers)
    outcomes = chain(
        map(cluster.outcome_of, plan.damaged), behind_bar(map(cluster.outcome_of, lines), len(rows), request, ())
    )
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
