"""The plan of a run: which pictures and videos there are in the inputs, and where the results of each go.

Companion files and results of earlier runs are no inputs.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import filterfalse, takewhile
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Protocol

from fullconv import images
from fullconv.errors import FullconvError, argument
from fullconv.files import files_under, has_link_loop
from fullconv.jobs.job import Job
from fullconv.outputs.manifest import Results

if TYPE_CHECKING:
    from fullconv.jobs.listing import Found, LeftOut, Listing

VIDEOS = frozenset([".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".wmv", ".3gp", ".mts"])
WEBCAM = "webcam:"
# What GDAL, QGIS, file managers and `predict` itself put beside pictures: nobody misses it.
COMPANIONS = (
    ".aux.xml", ".ovr", ".msk", ".rrd", ".wld", ".tfw", ".tifw", ".jgw", ".jpgw", ".pgw", ".pngw", ".j2w", ".bpw",
    ".prj", "thumbs.db", "desktop.ini", "predictions.jsonl",
    "predictions.csv",
)  # fmt: skip


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
        return (_job(source, self.out / name) for source, name in self.listing)


def plan(inputs: Sequence[str], out: Path) -> Jobs:
    """What to predict: files, folders (with their sub-folders, which are kept under `out`), globs and webcam:0.

    Every picture or video gets a target of its own: where two would share one, the extension, then the folder's name,
    joins it. What earlier runs wrote, by the manifests beside it, is never an input, wherever it lies.
    """
    if len(inputs) == 1 and names_a_file(inputs[0]):
        refuse_missing(inputs[0])
        search = Search(Results())
        jobs: Jobs = [_job(source, out / path.with_suffix("")) for _, source, path in search.found(inputs)]
    else:
        from fullconv.jobs.listing import LeftOut, Listing

        left_out = LeftOut()
        search = Search(Results(), left_out)
        listing = Listing(search.found(inputs))
        jobs = Listed(listing, out, left_out, search.earlier)
    if not len(jobs):
        raise search.nothing(inputs)
    return jobs


def _job(source: str, target: Path) -> Job:
    path = Path(source)
    return Job(path, target, is_video(path))


def left_out(jobs: Jobs) -> tuple[int, str]:
    """(results of earlier runs, other files of the folders in words) that are no jobs."""
    return (jobs.results, str(jobs.left_out)) if isinstance(jobs, Listed) else (0, "")


def is_source(jobs: Jobs, path: Path) -> bool:
    """Whether it is one of the pictures to be done."""
    if isinstance(jobs, Listed):
        return path in jobs.listing
    return any(os.path.abspath(job.source) == os.path.abspath(path) for job in jobs)


class Written(Protocol):
    """What earlier runs wrote."""

    def __contains__(self, path: Any, /) -> bool: ...


@dataclass
class Search:
    """For files to be done: results of earlier runs are counted, what is no picture is noted in `left_out`."""

    results: Written
    left_out: LeftOut | None = None
    videos: bool = True  # whether they can be done as well
    earlier: int = 0

    def found(self, patterns: Sequence[str]) -> Iterator[Found]:
        """Files on disk: those named, those of folders and those of globs."""
        for number, pattern in enumerate(patterns):
            for source, relative in _expand(pattern):
                if self.takes(source, relative, Path(pattern) == source, self.results):
                    yield number, str(source), relative

    def takes(self, source: PurePath, relative: PurePath, named: bool, results: Written) -> bool:
        """Whether a file is to be done, which was `named` or found at `relative`; it is counted if not."""
        if is_companion(source) or (is_hidden(relative) and not named):
            return False
        if source in results:
            self.earlier += 1
            return False
        if named and not self.videos and is_video(source):
            raise no_cluster(source)
        if named or images.is_image_name(source) or (self.videos and is_video(source)):
            return True
        if self.left_out is not None:
            self.left_out.add(source)
        return False

    def nothing(self, patterns: Sequence[str]) -> FullconvError:
        named = " ".join(patterns)
        if self.earlier:
            return FullconvError(
                f"{named}: contains only results of earlier runs; copy them elsewhere to use them as pictures"
            )
        videos = ", no videos" if self.videos else ""
        return FullconvError(f"{named}: no pictures found ({' '.join(sorted(images.EXTENSIONS))}){videos}")


def no_cluster(video: PurePath) -> FullconvError:
    return FullconvError(f"{video}: videos and cameras cannot use a cluster; remove {argument('cluster', 'ray')}")


def is_hidden(relative: PurePath) -> bool:
    """Whether the file or a folder above it is hidden: a raster that is half done lies in one."""
    return any(part.startswith(".") for part in relative.parts)


def is_companion(path: PurePath) -> bool:
    """Whether the file only accompanies pictures."""
    return path.name.lower().endswith(COMPANIONS)


def is_video(path: PurePath) -> bool:
    return path.suffix.lower() in VIDEOS or is_webcam(path)


def is_address(text: str) -> bool:
    """Whether it is that of a photo on the web."""
    return text.lower().startswith(("https://", "http://"))


def is_webcam(path: PurePath) -> bool:
    return str(path).startswith(WEBCAM)


def names_a_file(pattern: str) -> bool:
    path = Path(pattern)
    return not path.is_dir() and (path.exists() or not glob.has_magic(pattern))


def refuse_missing(name: str) -> None:
    """Raises FullconvError where nothing is called so, and the name is the only one: then there is nothing to do."""
    if not (Path(name).exists() or is_webcam(Path(name))):
        raise FullconvError(f"{name}: no such file or folder")


def _expand(pattern: str) -> Iterator[tuple[Path, Path]]:
    """(file, its path relative to the folder that the user named, or to the part of a glob before its first *)."""
    path = Path(pattern)
    if path.is_dir():
        yield from ((file, file.relative_to(path)) for file in files_under(path))
    elif names_a_file(pattern):
        yield path, Path(path.name.replace(":", "_") if is_webcam(path) else path.name)
    else:
        base = Path(*takewhile(lambda part: not glob.has_magic(part), path.parts))
        for match in filterfalse(has_link_loop, glob.iglob(pattern, recursive=True)):
            yield from ((file, file.relative_to(base)) for file, _ in _expand(match))
