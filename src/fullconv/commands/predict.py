"""fullconv predict"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, count
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import click

from fullconv.commands.shared_options import Numbers, model_options
from fullconv.errors import FullconvError
from fullconv.words import counted, was

if TYPE_CHECKING:
    from fullconv.jobs.images import Job, Jobs, Notes, Outcome
    from fullconv.jobs.rasters import Rasters
    from fullconv.prediction.predictor import Model
    from fullconv.prediction.reading import Reading


DEFAULT = "labels,masks,overlay"
VIDEO_OUTPUTS = ("labels", "overlay")
ROWS = 200  # pictures; of more, only the sums are printed, and predictions.jsonl has the rest
NOTES = 20  # told of a run
WIDEST = 60  # characters of a name in the table


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("--out", default="masks", show_default=True, help="Folder for the results.")
@click.option(
    "--save",
    help="What to write, comma-separated: labels, masks, overlay, scores, polygons, coco, coco-polygons, labelme; for "
    "videos labels, overlay.  [default: labels,masks,overlay; for videos overlay]",
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
@click.option("--frames", type=click.IntRange(min=1), help="For videos and cameras: stop after this many frames.")
@click.option("--cluster", type=click.Choice(["ray"]), help="Spread the pictures over processes or machines.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes with --cluster.  [default: all processors]")
@click.option("--resume", is_flag=True, help="Continue an earlier run; finished pictures are not done again.")
@click.option("--overwrite", is_flag=True, help="Replace existing files even if fullconv did not write them.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON instead of a table.")
@model_options
def predict(
    inputs: tuple[str, ...], out: str, save: str | None, tile: str | None, halo: str | None,
    bands: tuple[int, ...] | None, values: tuple[float, ...] | None, pages: str, simplify: float | None,
    frames: int | None, cluster: str | None, workers: int | None, resume: bool, overwrite: bool, as_json: bool,
    model: str, engine: str, precision: str, device: str | None,
) -> None:  # fmt: skip
    """Segment pictures and videos. Masks have each picture's own size.

    INPUT is a picture, a GeoTIFF, a video, a folder (with its sub-folders), a glob, or webcam:0 (until Ctrl-C). With
    --cluster it may also be an address in an object store, such as s3://bucket/photos. For photo.jpg, fullconv writes
    photo_labels.png (class indices, with a palette), photo_<class>.png (0/255) for each class found, and
    photo_overlay.jpg. For clip.mp4 it writes clip_overlay.mp4, and for a GeoTIFF it writes GeoTIFFs with the same
    georeference. predictions.jsonl lists what was done with each input.
    """
    from fullconv.locks import locked
    from fullconv.outputs.writers import check_outputs

    outputs, predicting = check_outputs(DEFAULT if save is None else save), {"tile": tile, "halo": halo}
    loading = {"engine": engine, "precision": precision, "device": device}
    ground = {"bands": bands, "range": values, "simplify": simplify} | ({"pages": pages} if pages == "all" else {})
    request = Request(
        inputs, out, outputs, save is None, predicting, ground, frames, resume, overwrite, as_json, model, loading
    )
    if workers and not cluster:
        raise FullconvError("--workers: goes with --cluster ray; without it all processors are at work anyway")
    with nullcontext() if "://" in out else locked(Path(out)):
        sums = predict_on_cluster(request, workers) if cluster else predict_here(request)
    if not as_json:
        click.echo(sums.line(out))
    if sums.reduced:
        click.echo(f"note: {sums.reduction()}", err=True)
    if sums.skipped:
        click.echo(sums.skipped, err=as_json)
    if sums.failed:
        sys.exit(1)


@dataclass(frozen=True)
class Request:
    """What was asked for."""

    inputs: tuple[str, ...]
    out: str
    outputs: list[str]
    by_default: bool  # nobody named the outputs
    predicting: dict[str, Any]  # tile, halo
    ground: dict[str, Any]  # bands, range, pages, simplify
    frames: int | None
    resume: bool
    overwrite: bool
    as_json: bool
    model: str
    loading: dict[str, Any]  # engine, precision, device

    def check(self) -> None:
        """Refuses what cannot be, before anything is read or a heavy library imported."""
        from fullconv.prediction.engines.choice import check_choice
        from fullconv.prediction.tiling import check_tiling
        from fullconv.weights.model_folder import find_model, read_config

        folder = find_model(self.model)
        check_choice(folder, **self.loading)
        config = read_config(folder)
        check_tiling(config, **self.predicting)
        self.reading().of(config.view)  # which refuses what does not fit

    def load(self, streams: int = 1) -> Model:
        from fullconv.prediction.predictor import load

        return load(self.model, **self.loading, streams=streams)

    def of_video(self) -> list[str]:
        """Outputs of a video."""
        return ["overlay"] if self.by_default else [output for output in self.outputs if output in VIDEO_OUTPUTS]

    def settings(self, loaded: Model) -> dict[str, Any]:
        """What results depend on."""
        from fullconv import __version__
        from fullconv.jobs.done import settings_of
        from fullconv.weights.model_folder import find_model

        wanted = {"outputs": sorted(self.outputs), "video": sorted(self.of_video()), "frames": self.frames}
        return settings_of(find_model(self.model), loaded.engine, fullconv=__version__, **wanted, **self.predicting,
                           **self.ground)  # fmt: skip

    def rasters(self, **others: Any) -> Rasters:
        """How rasters are done; `others` are of this run only."""
        from fullconv.jobs.rasters import Rasters

        simplify = self.ground["simplify"]
        return Rasters(**({} if simplify is None else {"simplify": simplify}), **others)

    def reading(self) -> Reading:
        """What of the files is read."""
        from fullconv.prediction.reading import Reading, pairs

        return Reading(self.ground["bands"] or (), pairs(self.ground["range"]), pages="pages" in self.ground)


def predict_here(request: Request) -> Sums:
    from fullconv.files import sweep
    from fullconv.jobs.done import begin, unfinished
    from fullconv.jobs.images import Listed, is_source, parallelism, plan, run, skipped
    from fullconv.jobs.search import is_video
    from fullconv.raster import is_raster

    out = Path(request.out)
    check_addresses(request)
    request.check()
    jobs = plan(request.inputs, out)
    check_concerned(request, lambda: (job.source for job in jobs), is_raster)
    streams, threads = parallelism(len(jobs), sum(is_video(job.source) for job in jobs))
    loaded = request.load(streams)
    settings = request.settings(loaded)
    todo = jobs
    if request.resume:
        sweep(out, (job.target for job in jobs))
        todo = unfinished(jobs, out, settings)
    videos = [job for job in todo if is_video(job.source)]
    check_video(request, videos)
    pictures = (job for job in todo if not is_video(job.source))
    sums = Sums(ran_by(loaded), earlier=len(jobs) - len(todo), results=jobs.results if isinstance(jobs, Listed) else 0)
    sums.skipped = skipped(jobs)
    with closing(begin(out, settings, request.overwrite, partial(is_source, jobs))) as manifest:
        rasters = rasters_among(todo, request, manifest.run)
        predicting = {**request.predicting, "reading": request.reading()}
        photos = run(loaded, pictures, request.outputs, threads, manifest, rasters, **predicting)
        outcomes = chain(
            with_progress(photos, len(todo) - len(videos), request.as_json or rasters is not None),
            (film(loaded, job, request, threads, manifest) for job in videos),
        )
        report(sums.over(outcomes), len(todo), (str(job.source) for job in todo), request.as_json)
    return sums


def rasters_among(jobs: Jobs, request: Request, run: str) -> Rasters | None:
    """How rasters are done, where there may be any: nothing of it is imported for photos."""
    from fullconv.raster import is_raster

    if not any(is_raster(job.source) for job in jobs):
        return None
    return request.rasters(run=run, resume=request.resume, progress=WindowsDone(hidden=not sys.stderr.isatty()))


@dataclass
class WindowsDone:
    """A bar with the time left for one raster after another, by windows; called from any thread."""

    hidden: bool
    source: Path | None = None
    bar: Any = None

    def __call__(self, source: Path, done: int, total: int) -> None:
        if self.source is None:
            self.source = source
            self.bar = click.progressbar(length=total, label=source.name, file=sys.stderr, hidden=self.hidden)
            self.bar.update(done - 1)
            self.bar.start = time.time()
        if self.source == source:
            self.bar.update(done - self.bar.pos)
            if done == total:
                self.bar.render_finish()
                self.source = None


def film(loaded: Model, job: Job, request: Request, threads: int, notes: Notes) -> Outcome:
    """What became of a video; a bar with the time left where somebody watches."""
    from fullconv.jobs.images import run_video
    from fullconv.jobs.search import is_webcam
    from fullconv.jobs.video import interruption

    def wanted(frames: int) -> bool:
        return frames != request.frames and not ended.is_set()

    hidden = not sys.stderr.isatty() or (request.as_json and sys.stdout.isatty())
    name = click.format_filename(job.source.name)
    with (
        interruption() if is_webcam(job.source) else nullcontext(Event()) as ended,
        click.progressbar(count(), label=name, file=sys.stderr, hidden=hidden, show_pos=True) as bar,
    ):

        def see(frames: int, expected: int | None) -> None:
            bar.length = request.frames or expected
            bar.update(1)

        outputs = request.of_video()
        return run_video(loaded, job, outputs, threads, notes, see=see, wanted=wanted, **request.predicting)


def check_video(request: Request, videos: list[Job]) -> None:
    if videos and not request.of_video():
        outputs = ", ".join(VIDEO_OUTPUTS)
        raise FullconvError(f"{videos[0].source}: of a video there are {outputs}; --save names none of them")


def check_concerned(request: Request, sources: Callable[[], Iterable[Path]], is_raster: Callable[[Path], bool]) -> None:
    """Refuses options that would do nothing: those for kinds of files of which there are none."""
    from fullconv.jobs.search import is_video
    from fullconv.prediction.tiling import check_halo

    named = " ".join(request.inputs)
    if request.ground["simplify"] is not None and not any(map(is_raster, sources())):
        raise FullconvError(f"--simplify: is for rasters, and there are none in {named}; leave it out")
    if request.ground["simplify"] is not None and not set(request.outputs) & {"polygons", "geopackage"}:
        raise FullconvError("--simplify: is for polygons; add --save polygons or geopackage, or leave it out")
    if request.frames and not any(map(is_video, sources())):
        raise FullconvError(f"--frames: is for videos, and there are none in {named}; leave it out")
    if request.predicting["halo"] is not None and not all(map(is_raster, sources())):
        check_halo(**request.predicting)


def check_addresses(request: Request) -> None:
    for text in (*request.inputs, request.out):
        if "://" in text:
            raise FullconvError(f"{text}: object stores go with --cluster ray (pip install 'fullconv[ray]')")


def predict_on_cluster(request: Request, workers: int | None) -> Sums:
    from fullconv.jobs import cluster
    from fullconv.jobs.search import is_webcam, no_cluster
    from fullconv.jobs.stores import place
    from fullconv.outputs.writers import endings
    from fullconv.raster import may_be_raster
    from fullconv.weights.model_folder import find_model

    if cameras := [path for path in map(Path, request.inputs) if is_webcam(path)]:
        raise no_cluster(cameras[0])
    inputs, out = [place(text) for text in request.inputs], place(request.out)
    predicting = {**request.predicting, "reading": request.reading()}
    rasters, overwrite = request.rasters(), request.overwrite
    task = cluster.Task(inputs, out, request.outputs, request.loading, predicting, rasters, [], overwrite)
    cluster.check(task)
    request.check()
    loaded = request.load()
    settings = request.settings(loaded)
    task = replace(task, endings=endings(request.outputs, loaded.classes))
    plan = cluster.find(task, settings if request.resume else None)
    rows = plan.rows
    if rows:
        check_concerned(request, lambda: (Path(row["path"]) for row in rows), may_be_raster)
    sums = Sums(ran_by(loaded), plan.done, plan.results, skipped=plan.skipped)
    lines = cluster.run(task, find_model(request.model), rows, settings, workers)
    outcomes = with_progress(map(cluster.outcome_of, lines), len(rows), request.as_json)
    report(sums.over(outcomes), len(rows), (row["path"] for row in rows), request.as_json)
    return sums


def ran_by(model: Model) -> str:
    return f"{model.engine.name}, {model.engine.precision}"


@dataclass
class Sums:
    """What is known of all pictures together; none of them is kept."""

    ran: str  # engine and precision
    earlier: int = 0
    results: int = 0  # of earlier runs, which are no inputs
    done: int = 0
    videos: int = 0
    failed: int = 0
    files: int = 0
    skipped: str = ""  # what was no picture, in words
    reduced: Counter[int] = field(default_factory=Counter)  # to so many pixels
    noted: int = 0

    def over(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """The same outcomes, counted; errors are told as they come, and so are the first notes."""
        for outcome in outcomes:
            if outcome.error:
                click.echo(f"error: {outcome.error}", err=True)
            for note in outcome.notes[: max(0, NOTES - self.noted)]:
                click.echo(f"note: {click.format_filename(outcome.source)}: {note}", err=True)
            self.noted += len(outcome.notes)
            self.failed += bool(outcome.error)
            self.done += not outcome.error
            self.videos += outcome.frames > 0
            self.files += len(outcome.outputs)
            self.reduced.update([outcome.reduced_to] if outcome.reduced_to else [])
            yield outcome
        if self.noted > NOTES:
            click.echo(f"and {counted(self.noted - NOTES, 'note')} more like these; --json has all", err=True)

    def reduction(self) -> str:
        """That the model saw some of them smaller than they are."""
        ((side, number),) = self.reduced.items()
        every = f"{self.done} photos and videos" if self.videos else counted(self.done, "photo")
        whose = "its" if number == 1 else "their"
        return f"{number} of {every} {was(number)} reduced to {side} pixels; --tile auto keeps {whose} scale"

    def line(self, out: str) -> str:
        earlier = f"; {self.earlier} {was(self.earlier)} done before" if self.earlier else ""
        results = (
            f"; {counted(self.results, 'result')} of earlier runs {was(self.results)} left out" if self.results else ""
        )
        failed = f"; {self.failed} could not be done" if self.failed else ""
        done = counted(self.done - self.videos, "picture") if self.done > self.videos or not self.videos else ""
        videos = counted(self.videos, "video") if self.videos else ""
        made = f"{', '.join(filter(None, (done, videos)))}, {counted(self.files, 'file')} in {out} ({self.ran})"
        return f"{made}{earlier}{results}{failed}"


def with_progress(outcomes: Iterator[Outcome], number: int, as_json: bool) -> Iterator[Outcome]:
    """The same outcomes behind a bar with the time left, where somebody watches, there is something to wait for, and
    no rows come to the same screen."""
    rows = (as_json or number <= ROWS) and sys.stdout.isatty()
    hidden = rows or number <= 1 or not sys.stderr.isatty()
    with click.progressbar(outcomes, number, file=sys.stderr, hidden=hidden) as bar:
        yield from bar


def report(outcomes: Iterator[Outcome], number: int, names: Iterable[str], as_json: bool) -> None:
    """Prints each outcome as it comes: a JSON array, or a row a picture where they are not too many."""
    if as_json:
        print_array(outcomes)
        return
    rows = number <= ROWS
    width = min(WIDEST, max(map(len, names), default=0)) if rows else 0
    for outcome in outcomes:
        if rows and not outcome.error:
            click.echo(row(outcome, width))


def print_array(outcomes: Iterable[Outcome]) -> None:
    """An array also where the run is stopped. ASCII only: names that are no UTF-8 survive as well."""
    opening = "["
    try:
        for outcome in outcomes:
            click.echo(f"{opening}\n{json.dumps(outcome.to_json(), indent=2)}", nl=False)
            opening = ","
    finally:
        click.echo("\n]" if opening == "," else "[]")


def row(outcome: Outcome, width: int) -> str:
    """File, size, time, the classes found and their share of the pixels."""
    found = "  ".join(f"{name} {percent(share)}" for name, share in outcome.shares.items())
    name, size = click.format_filename(outcome.source), f"{outcome.width}x{outcome.height}"
    if outcome.frames:
        size += f" {counted(outcome.frames, 'frame')}"
    return f"{name:{width}}  {size:>11}  {outcome.seconds * 1000:6.0f} ms  {found}"


def percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.0005 else "<0.1%"
