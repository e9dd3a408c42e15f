"""Many files → their outputs: read, run and write overlap; one bad file never stops the rest."""

from __future__ import annotations

import errno
import glob
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fullconv import images
from fullconv.errors import FullconvError
from fullconv.outputs.writers import save
from fullconv.prediction.predictor import Model

if TYPE_CHECKING:
    from fullconv.prediction.rasters import Rasters

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
Stamp = tuple[int, int]  # bytes of a file, and when it was modified (nanoseconds)


@dataclass(frozen=True)
class Job:
    """One picture and the path, without ending, of what is written for it."""

    source: Path
    target: Path


@dataclass(frozen=True)
class Outcome:
    """What became of one picture: its result in numbers, or the error."""

    source: Path
    width: int = 0
    height: int = 0
    shares: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    outputs: tuple[Path, ...] = ()
    stamp: Stamp | None = None  # of the source, before it was read
    error: str | None = None

    def to_json(self) -> dict[str, Any]:
        if self.error:
            return {"file": str(self.source), "error": self.error}
        return {
            "file": str(self.source), "width": self.width, "height": self.height, "classes": self.shares,
            "seconds": round(self.seconds, 4), "outputs": [str(path) for path in self.outputs],
        }  # fmt: skip


def plan(inputs: Sequence[str], out: Path) -> list[Job]:
    """What to predict: files, folders (with their sub-folders, which are kept under `out`) and globs.

    Every picture gets a target of its own: where two would share one, the extension, then the folder's name, joins it.
    What lies under `out` is an earlier result, not a picture, unless it is named itself.
    """
    results = out.resolve()
    found: dict[Path, Path] = {}  # picture → its path relative to what the user named
    for pattern in inputs:
        for source, relative in _expand(pattern):
            if Path(pattern) == source or results not in source.resolve().parents:
                found.setdefault(source, relative)
    if not found:
        raise FullconvError(f"{' '.join(inputs)}: no pictures there ({' '.join(sorted(images.EXTENSIONS))})")
    names = [relative.with_suffix("") for relative in found.values()]
    for longer in (_with_extension, _with_folder, _with_whole_path):
        shared = {name for name, count in Counter(names).items() if count > 1}
        names = [longer(*pair) if name in shared else name for pair, name in zip(found.items(), names, strict=True)]
    return [Job(source, out / name) for source, name in zip(found, names, strict=True)]


def _with_extension(source: Path, relative: Path) -> Path:
    return relative.with_name(relative.name.replace(".", "_"))


def _with_folder(source: Path, relative: Path) -> Path:
    return source.resolve().parent.name / _with_extension(source, relative)


def _with_whole_path(source: Path, relative: Path) -> Path:
    return Path(*_with_extension(source, source.resolve()).parts[1:])


def parallelism(pictures: int) -> tuple[int, int]:
    """(images that the engine runs at once, threads that carry pictures): two more read and write meanwhile."""
    streams = min(pictures, os.cpu_count() or 1)
    return streams, min(pictures, streams + 2)


def run(
    model: Model,
    jobs: Iterable[Job],
    outputs: Sequence[str],
    threads: int,
    record: Callable[[Job, Outcome], object] | None = None,
    rasters: Rasters | None = None,
    **predicting: Any,
) -> Iterator[Outcome]:
    """Outcomes in the order of the jobs; each thread carries a picture from file to files, so that all overlap.

    `record` is called, from any thread, as soon as a picture is done; `rasters` says how those are done, `predicting`
    are arguments of Model.predict (tile, halo). Raises FullconvError where the disk is full: what is done stays,
    nothing more is begun.
    """

    def carry(job: Job) -> Outcome:
        try:
            outcome = run_one(model, job, outputs, rasters, **predicting)
            if record:
                record(job, outcome)
        except OSError as error:
            raise FullconvError(f"{job.target}: {_reason(error)}; make room, then run again with --resume") from None
        return outcome

    remaining = iter(jobs)
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Outcome]] = deque(pool.submit(carry, job) for job in islice(remaining, 2 * threads))
        try:
            while waiting:
                yield waiting.popleft().result()
                waiting.extend(pool.submit(carry, job) for job in islice(remaining, 1))
        finally:
            pool.shutdown(cancel_futures=True)


def run_one(
    model: Model, job: Job, outputs: Sequence[str], rasters: Rasters | None = None, **predicting: Any
) -> Outcome:
    """What became of one picture. Raises OSError where the disk is full, which is no fault of the picture's."""
    start, seen = time.perf_counter(), stamp(job.source)
    try:
        size, shares, written = carry_out(model, job, outputs, rasters, **predicting)
    except FullconvError as error:
        return Outcome(job.source, stamp=seen, error=str(error))
    except OSError as error:
        if error.errno in DISK_FULL:
            raise
        return Outcome(job.source, stamp=seen, error=f"{job.target}: cannot be written ({_reason(error)})")
    seconds = time.perf_counter() - start
    return Outcome(job.source, size[1], size[0], shares, seconds, tuple(written), seen)


def carry_out(
    model: Model, job: Job, outputs: Sequence[str], rasters: Rasters | None, **predicting: Any
) -> tuple[tuple[int, ...], dict[str, float], list[Path]]:
    """(height and width, shares of the classes, files written); rasters by windows, photos in one."""
    if images.may_be_scene(job.source):
        from fullconv.prediction.rasters import Rasters, predict_raster
        from fullconv.prediction.scene import is_scene

        if is_scene(job.source):
            return predict_raster(model, job.source, job.target, outputs, rasters or Rasters(), **predicting)
    result = model.predict(job.source, scores="scores" in outputs, **predicting)
    return result.label_map.shape, result.shares, save(replace(result, source=job.source), job.target, outputs)


def stamp(source: Path) -> Stamp | None:
    """What tells a file from a later one under its name; None where there is none."""
    try:
        stat = source.stat()
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


def _expand(pattern: str) -> Iterator[tuple[Path, Path]]:
    """(picture, its path relative to the folder that the user named, or to the part of a glob before its first *)."""
    path = Path(pattern)
    if path.is_dir():
        yield from ((file, file.relative_to(path)) for file in sorted(path.rglob("*")) if _is_picture(file))
    elif path.exists() or not glob.has_magic(pattern):
        yield path, Path(path.name)
    else:
        base = Path(*takewhile(lambda part: not glob.has_magic(part), path.parts))
        for match in sorted(glob.glob(pattern, recursive=True)):
            yield from ((file, file.relative_to(base)) for file, _ in _expand(match))


def _is_picture(file: Path) -> bool:
    return images.is_image_name(file) and file.is_file() and not file.name.startswith(".")
