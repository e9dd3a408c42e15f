"""Many files → their outputs: read, run and write overlap; one bad file never stops the rest."""

from __future__ import annotations

import errno
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fullconv import images
from fullconv.errors import FullconvError, argument
from fullconv.jobs.search import Search, names_a_file
from fullconv.outputs.manifest import Results
from fullconv.outputs.writers import save
from fullconv.prediction.engines.contract import ModelError
from fullconv.prediction.predictor import Model
from fullconv.raster import is_raster
from fullconv.segmentation import shares_of
from fullconv.words import counted, was

if TYPE_CHECKING:
    from fullconv.jobs.listing import LeftOut, Listing
    from fullconv.jobs.rasters import Rasters
    from fullconv.prediction.tiling import Tile

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
Stamp = tuple[int, int]  # bytes of a file, and when it was modified (nanoseconds)


@dataclass(frozen=True)
class Job:
    """One picture and the path, without ending, of what is written for it."""

    source: Path
    target: Path


@dataclass(frozen=True)
class Outcome:
    """What became of one picture or video: its result in numbers, or the error."""

    source: Path | str  # a str is an address in an object store
    width: int = 0
    height: int = 0
    shares: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    outputs: tuple[Path | str, ...] = ()
    stamp: Stamp | None = None  # of the source, before it was read
    error: str | None = None
    frames: int = 0  # of a video
    reduced_to: int | None = None  # pixels of the longer side, where the model saw it smaller than it is
    notes: tuple[str, ...] = ()  # what else is to be said of it, and what was decided for it that nobody asked for

    def to_json(self) -> dict[str, Any]:
        if self.error:
            return {"file": str(self.source), "error": self.error}
        size = {"width": self.width, "height": self.height} | ({"frames": self.frames} if self.frames else {})
        size |= {"reduced_to": self.reduced_to} if self.reduced_to else {}
        written = [str(path) for path in self.outputs]
        notes = {"notes": list(self.notes)} if self.notes else {}
        return {"file": str(self.source), **size, "classes": self.shares, "seconds": round(self.seconds, 4),
                "outputs": written, **notes}  # fmt: skip


class Notes(Protocol):
    """What is told of files and pictures, from any thread."""

    def check(self, target: Path, paths: Sequence[Path]) -> None:
        """Raises FullconvError where one of these is in the way, and is not the target's own."""

    def claim(self, target: Path, paths: Sequence[Path]) -> None:
        """The same, before they are written."""

    def add(self, job: Job, outcome: Outcome) -> None:
        """A picture is done."""


class NoNotes:
    """Where nobody asks: everything may be written."""

    def check(self, target: Path, paths: Sequence[Path]) -> None: ...
    def claim(self, target: Path, paths: Sequence[Path]) -> None: ...
    def add(self, job: Job, outcome: Outcome) -> None: ...


NO_NOTES = NoNotes()


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
        return (Job(Path(source), self.out / name) for source, name in self.listing)


def plan(inputs: Sequence[str], out: Path) -> Jobs:
    """What to predict: files, folders (with their sub-folders, which are kept under `out`), globs and webcam:0.

    Every picture or video gets a target of its own: where two would share one, the extension, then the folder's name,
    joins it. What earlier runs wrote, by the manifests beside it, is never an input, wherever it lies.
    """
    if len(inputs) == 1 and names_a_file(inputs[0]):
        search = Search(Results())
        jobs: Jobs = [Job(Path(source), out / path.with_suffix("")) for _, source, path in search.found(inputs)]
    else:
        from fullconv.jobs.listing import LeftOut, Listing

        left_out = LeftOut()
        search = Search(Results(), left_out)
        listing = Listing(search.found(inputs))
        jobs = Listed(listing, out, left_out, search.earlier)
    if not len(jobs):
        raise search.nothing(inputs)
    return jobs


def skipped(jobs: Jobs) -> str:
    """What of the folders was left out, in words; empty where nothing was."""
    return str(jobs.left_out) if isinstance(jobs, Listed) else ""


def is_source(jobs: Jobs, path: Path) -> bool:
    """Whether it is one of the pictures to be done."""
    if isinstance(jobs, Listed):
        return path in jobs.listing
    return any(os.path.abspath(job.source) == os.path.abspath(path) for job in jobs)


def parallelism(pictures: int, videos: int = 0) -> tuple[int, int]:
    """(images that the engine runs at once, threads that carry pictures): two more read and write meanwhile."""
    processors = os.cpu_count() or 1
    at_once = pictures + videos * (processors + 2)  # frames
    streams = min(at_once, processors)
    return streams, min(at_once, streams + 2)


def run(
    model: Model,
    jobs: Iterable[Job],
    outputs: Sequence[str],
    threads: int,
    notes: Notes = NO_NOTES,
    rasters: Rasters | None = None,
    **predicting: Any,
) -> Iterator[Outcome]:
    """Outcomes in the order of the jobs; each thread carries a picture from file to files, so that all overlap.

    `notes` are asked before files are written, and told as soon as a picture is done; `rasters` says how those are
    done, `predicting` are arguments of Model.predict (tile, halo). Raises FullconvError where the disk is full: what is
    done stays, nothing more is begun.
    """

    def carry(job: Job) -> Outcome:
        return recorded(job, partial(run_one, model, job, outputs, rasters, notes, **predicting), notes)

    remaining = iter(jobs)
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Outcome]] = deque(pool.submit(carry, job) for job in islice(remaining, 2 * threads))
        try:
            while waiting:
                yield waiting.popleft().result()
                waiting.extend(pool.submit(carry, job) for job in islice(remaining, 1))
        finally:
            pool.shutdown(cancel_futures=True)


def run_video(
    model: Model, job: Job, outputs: Sequence[str], threads: int, notes: Notes = NO_NOTES, **predicting: Any
) -> Outcome:
    """What became of one video, of which several frames are seen at once; `predicting` may also be what write_video
    takes (see, wanted)."""
    from fullconv.jobs.video import write_video

    def work() -> Outcome:
        claim = partial(notes.claim, job.target)
        film = write_video(model, str(job.source), job.target, outputs, threads, claim, **predicting)
        shares = shares_of(film.counts, model.classes)
        said = (f"{counted(film.lost, 'damaged packet')} {was(film.lost)} left out",) if film.lost else ()
        return Outcome(
            job.source, film.width, film.height, shares, outputs=film.outputs, frames=film.frames, notes=said,
            reduced_to=reduction(model, (film.height, film.width), predicting.get("tile")),
        )  # fmt: skip

    return recorded(job, partial(attempt, job, work), notes)


def recorded(job: Job, work: Callable[[], Outcome], notes: Notes) -> Outcome:
    try:
        outcome = work()
        notes.add(job, outcome)
    except OSError as error:
        raise FullconvError(
            f"{job.target}: {_reason(error)}; make room, then run again with {argument('resume', True)}"
        ) from None
    return outcome


def run_one(
    model: Model,
    job: Job,
    outputs: Sequence[str],
    rasters: Rasters | None = None,
    notes: Notes = NO_NOTES,
    **predicting: Any,
) -> Outcome:
    """What became of one picture. Raises OSError where the disk is full, which is no fault of the picture's."""
    reading = predicting.get("reading")
    carry = by_pages if reading and reading.pages else carry_out
    return attempt(job, partial(carry, model, job, outputs, rasters, notes, **predicting))


def carry_out(
    model: Model, job: Job, outputs: Sequence[str], rasters: Rasters | None, notes: Notes, **predicting: Any
) -> Outcome:
    """What became of one page: rasters by windows, photos in one."""
    if is_raster(job.source):
        from fullconv.jobs.rasters import Rasters, predict_raster

        how = rasters or Rasters()
        done = predict_raster(model, job.source, job.target, outputs, how, notes=notes, **predicting)
        return Outcome(
            job.source, done.size[1], done.size[0], done.shares, outputs=tuple(done.written),
            reduced_to=done.reduced_to, notes=done.notes,
        )  # fmt: skip
    result = replace(model.predict(job.source, scores="scores" in outputs, **predicting), source=job.source)
    written = tuple(save(result, job.target, outputs, partial(notes.claim, job.target)))
    height, width = result.label_map.shape
    smaller = reduction(model, (height, width), predicting.get("tile"))
    return Outcome(job.source, width, height, result.shares, outputs=written, reduced_to=smaller, notes=result.notes)


def reduction(model: Model, size: tuple[int, int], tile: Tile) -> int | None:
    """The longer side to which a photo is reduced that is larger than the model knows and not seen in tiles."""
    longest = model.config.longest_side
    return longest if tile is None and longest is not None and max(size) > longest else None


@dataclass(frozen=True)
class OfFile:
    """Notes of a file's pages, which are the file's."""

    notes: Notes
    target: Path

    def check(self, target: Path, paths: Sequence[Path]) -> None:
        self.notes.check(self.target, paths)

    def claim(self, target: Path, paths: Sequence[Path]) -> None:
        self.notes.claim(self.target, paths)

    def add(self, job: Job, outcome: Outcome) -> None:
        self.notes.add(job, outcome)


def by_pages(
    model: Model, job: Job, outputs: Sequence[str], rasters: Rasters | None, notes: Notes, **predicting: Any
) -> Outcome:
    """Each page of a file with results of its own, beside each other: target_page1, target_page2 and so on."""
    reading, count = predicting["reading"], images.count_pages(job.source)
    if count == 1:
        return carry_out(model, job, outputs, rasters, notes, **predicting)
    done = []
    for page in range(count):
        one = Job(job.source, job.target.with_name(f"{job.target.name}_page{page + 1}"))
        predicting["reading"] = reading.at(page)
        done.append(carry_out(model, one, outputs, rasters, OfFile(notes, job.target), **predicting))
    return together(done)


def together(pages: Sequence[Outcome]) -> Outcome:
    """What became of a file, of the first page's size."""
    pixels = [one.width * one.height for one in pages]
    names = dict.fromkeys(name for one in pages for name in one.shares)
    shares = {name: sum(one.shares.get(name, 0) * n for one, n in zip(pages, pixels, strict=True)) / sum(pixels)
              for name in names}  # fmt: skip
    written = tuple(path for one in pages for path in one.outputs)
    said = dict.fromkeys(note for one in pages for note in one.notes if not note.startswith("page "))
    smaller = next((one.reduced_to for one in pages if one.reduced_to), None)
    told = (f"{len(pages)} pages", *said)
    return replace(pages[0], shares=shares, outputs=written, reduced_to=smaller, notes=told)


def attempt(job: Job, work: Callable[[], Outcome]) -> Outcome:
    """What `work` gives, or the error that is the file's own: not the model's."""
    start, seen = time.perf_counter(), stamp(job.source)
    try:
        outcome = work()
    except ModelError:
        raise
    except FullconvError as error:
        return Outcome(job.source, stamp=seen, error=str(error))
    except OSError as error:
        if error.errno in DISK_FULL:
            raise
        return Outcome(job.source, stamp=seen, error=f"{job.target}: cannot be written ({_reason(error)})")
    return replace(outcome, seconds=time.perf_counter() - start, stamp=seen)


def stamp(source: Path) -> Stamp | None:
    """What tells a file from a later one under its name; None where there is none."""
    try:
        stat = source.stat()
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
