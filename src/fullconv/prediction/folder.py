"""Many files → their outputs: read, run and write overlap; one bad file never stops the rest."""

from __future__ import annotations

import errno
import glob
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fullconv import images
from fullconv.errors import FullconvError
from fullconv.outputs.writers import save
from fullconv.prediction.predictor import Model
from fullconv.raster import is_raster
from fullconv.segmentation import shares_of

if TYPE_CHECKING:
    from fullconv.prediction.listing import Found, Listing
    from fullconv.prediction.rasters import Rasters

VIDEOS = frozenset([".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".wmv", ".3gp", ".mts"])
WEBCAM = "webcam:"
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
    notes: tuple[str, ...] = ()  # what was decided for it that nobody asked for

    def to_json(self) -> dict[str, Any]:
        if self.error:
            return {"file": str(self.source), "error": self.error}
        size = {"width": self.width, "height": self.height} | ({"frames": self.frames} if self.frames else {})
        written = [str(path) for path in self.outputs]
        notes = {"notes": list(self.notes)} if self.notes else {}
        return {"file": str(self.source), **size, "classes": self.shares, "seconds": round(self.seconds, 4),
                "outputs": written, **notes}  # fmt: skip


Record = Callable[[Job, Outcome], object]


class Jobs(Protocol):
    """What is to be done, in order: can be gone through again and again."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Job]: ...


@dataclass(frozen=True)
class Listed:
    """Jobs of a list that lies on disk, so that there may be any number."""

    listing: Listing
    out: Path

    def __len__(self) -> int:
        return len(self.listing)

    def __iter__(self) -> Iterator[Job]:
        return (Job(Path(source), self.out / name) for source, name in self.listing)


def plan(inputs: Sequence[str], out: Path) -> Jobs:
    """What to predict: files, folders (with their sub-folders, which are kept under `out`), globs and webcam:0.

    Every picture or video gets a target of its own: where two would share one, the extension, then the folder's name,
    joins it. What lies under `out` is an earlier result, not a picture, unless it is named itself.
    """
    if len(inputs) == 1 and _names_a_file(inputs[0]):
        return [Job(source, out / relative.with_suffix("")) for source, relative in _expand(inputs[0])]
    from fullconv.prediction.listing import Listing

    jobs = Listed(Listing(_found(inputs, out.resolve())), out)
    if not len(jobs):
        raise FullconvError(f"{' '.join(inputs)}: no pictures there ({' '.join(sorted(images.EXTENSIONS))}), no videos")
    return jobs


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
    record: Record | None = None,
    rasters: Rasters | None = None,
    **predicting: Any,
) -> Iterator[Outcome]:
    """Outcomes in the order of the jobs; each thread carries a picture from file to files, so that all overlap.

    `record` is called, from any thread, as soon as a picture is done; `rasters` says how those are done, `predicting`
    are arguments of Model.predict (tile, halo). Raises FullconvError where the disk is full: what is done stays,
    nothing more is begun.
    """

    def carry(job: Job) -> Outcome:
        return recorded(job, partial(run_one, model, job, outputs, rasters, **predicting), record)

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
    model: Model, job: Job, outputs: Sequence[str], threads: int, record: Record | None = None, **predicting: Any
) -> Outcome:
    """What became of one video, of which several frames are seen at once; `predicting` may also be what write_video
    takes (see, wanted)."""
    from fullconv.prediction.video import write_video

    def work() -> Outcome:
        film = write_video(model, str(job.source), job.target, outputs, threads, **predicting)
        shares = shares_of(film.counts, model.classes)
        return Outcome(job.source, film.width, film.height, shares, outputs=film.outputs, frames=film.frames)

    return recorded(job, partial(attempt, job, work), record)


def recorded(job: Job, work: Callable[[], Outcome], record: Record | None) -> Outcome:
    try:
        outcome = work()
        if record:
            record(job, outcome)
    except OSError as error:
        raise FullconvError(f"{job.target}: {_reason(error)}; make room, then run again with --resume") from None
    return outcome


def run_one(
    model: Model, job: Job, outputs: Sequence[str], rasters: Rasters | None = None, **predicting: Any
) -> Outcome:
    """What became of one picture. Raises OSError where the disk is full, which is no fault of the picture's."""
    reading = predicting.get("reading")
    carry = by_pages if reading and reading.pages else carry_out
    return attempt(job, partial(carry, model, job, outputs, rasters, **predicting))


def carry_out(model: Model, job: Job, outputs: Sequence[str], rasters: Rasters | None, **predicting: Any) -> Outcome:
    """What became of one page: rasters by windows, photos in one."""
    if is_raster(job.source):
        from fullconv.prediction.rasters import Rasters, predict_raster

        done = predict_raster(model, job.source, job.target, outputs, rasters or Rasters(), **predicting)
        return Outcome(
            job.source, done.size[1], done.size[0], done.shares, outputs=tuple(done.written), notes=done.notes
        )
    result = replace(model.predict(job.source, scores="scores" in outputs, **predicting), source=job.source)
    height, width = result.label_map.shape
    written = tuple(save(result, job.target, outputs))
    return Outcome(job.source, width, height, result.shares, outputs=written, notes=result.notes)


def by_pages(model: Model, job: Job, outputs: Sequence[str], rasters: Rasters | None, **predicting: Any) -> Outcome:
    """Each page of a file with results of its own, beside each other: target_page1, target_page2 and so on."""
    reading, count = predicting["reading"], images.count_pages(job.source)
    if count == 1:
        return carry_out(model, job, outputs, rasters, **predicting)
    done = []
    for page in range(count):
        one = Job(job.source, job.target.with_name(f"{job.target.name}_page{page + 1}"))
        done.append(carry_out(model, one, outputs, rasters, **{**predicting, "reading": reading.at(page)}))
    pixels = [one.width * one.height for one in done]
    names = list(dict.fromkeys(name for one in done for name in one.shares))
    shares = {name: sum(one.shares.get(name, 0) * n for one, n in zip(done, pixels, strict=True)) / sum(pixels)
              for name in names}  # fmt: skip
    written = tuple(path for one in done for path in one.outputs)
    notes = tuple(dict.fromkeys(note for one in done for note in one.notes if not note.startswith("page ")))
    return replace(done[0], shares=shares, outputs=written, notes=(f"{count} pages", *notes))


def attempt(job: Job, work: Callable[[], Outcome]) -> Outcome:
    """What `work` gives, or the error that is the file's own."""
    start, seen = time.perf_counter(), stamp(job.source)
    try:
        outcome = work()
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


def _found(inputs: Sequence[str], results: Path) -> Iterator[Found]:
    for number, pattern in enumerate(inputs):
        for source, relative in _expand(pattern):
            if Path(pattern) == source or results not in source.resolve().parents:
                yield number, str(source), relative


def _expand(pattern: str) -> Iterator[tuple[Path, Path]]:
    """(picture, its path relative to the folder that the user named, or to the part of a glob before its first *)."""
    path = Path(pattern)
    if path.is_dir():
        yield from ((file, file.relative_to(path)) for file in _inputs_under(path))
    elif _names_a_file(pattern):
        yield path, Path(path.name.replace(":", "_") if is_webcam(path) else path.name)
    else:
        base = Path(*takewhile(lambda part: not glob.has_magic(part), path.parts))
        for match in glob.iglob(pattern, recursive=True):
            yield from ((file, file.relative_to(base)) for file, _ in _expand(match))


def _names_a_file(pattern: str) -> bool:
    path = Path(pattern)
    return not path.is_dir() and (path.exists() or not glob.has_magic(pattern))


def _inputs_under(folder: Path) -> Iterator[Path]:
    """Read entry by entry: a folder may hold millions. Links to folders are not followed, links to pictures are."""
    with suppress(PermissionError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _inputs_under(Path(entry.path))
            elif _is_input(Path(entry.path)) and entry.is_file():
                yield Path(entry.path)


def _is_input(path: Path) -> bool:
    return (images.is_image_name(path) or is_video(path)) and not path.name.startswith(".")


def is_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEOS or is_webcam(path)


def is_webcam(path: Path) -> bool:
    return str(path).startswith(WEBCAM)
