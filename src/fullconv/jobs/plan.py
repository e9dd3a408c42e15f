"""Plans a run: finds the pictures and videos in the inputs, and chooses the place for the results of each.

Companion files and results of earlier runs are never inputs.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import filterfalse, takewhile
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Protocol

from fullconv import images
from fullconv.errors import FullconvError, argument
from fullconv.files import files_under, has_link_loop, is_hidden
from fullconv.jobs.job import Job
from fullconv.jobs.outcome import Outcome
from fullconv.outputs.manifest import Results

if TYPE_CHECKING:
    from fullconv.jobs.listing import Found, LeftOut, Listing

VIDEOS = frozenset([".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".wmv", ".3gp", ".mts"])
WEBCAM = "webcam:"
# Files that GDAL, QGIS, file managers and `predict` itself put beside pictures. They are left out without a message.
COMPANIONS = (
    ".aux.xml", ".ovr", ".msk", ".rrd", ".wld", ".tfw", ".tifw", ".jgw", ".jpgw", ".pgw", ".pngw", ".j2w", ".bpw",
    ".prj", "thumbs.db", "desktop.ini", "predictions.jsonl",
    "predictions.csv",
)  # fmt: skip


class Jobs(Protocol):
    """The jobs of a run in order. They can be iterated over repeatedly."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Job]: ...


@dataclass(frozen=True)
class ListedJobs:
    """Jobs of a list on disk, so there can be any number of them. `results` is the number of files that were left out
    because they are results of earlier runs, `unread` the errors of folders that cannot be read."""

    listing: Listing
    out: Path
    left_out: LeftOut
    results: int = 0
    unread: tuple[Outcome, ...] = ()

    def __len__(self) -> int:
        return len(self.listing)

    def __iter__(self) -> Iterator[Job]:
        return (_job(source, self.out / name) for source, name in self.listing)


def plan(inputs: Sequence[str], out: Path) -> Jobs:
    """Finds the pictures and videos in `inputs`: files, folders with their subfolders, globs, and webcam:0. The results
    have the same subfolders below `out`.

    Each picture or video has a target of its own. If two would share one, the extension is added, then the name of the
    folder, then the whole path. A file that is listed as a result in a manifest beside or above it is never an input.
    Raises FullconvError if nothing is found.
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
        jobs = ListedJobs(listing, out, left_out, search.earlier, tuple(search.unread.values()))
    if not len(jobs):
        raise search.nothing_found(inputs)
    return jobs


def _job(source: str, target: Path) -> Job:
    path = Path(source)
    return Job(path, target, is_video(path))


def left_out(jobs: Jobs) -> tuple[int, str]:
    """Returns (number of results of earlier runs, text about other files) that were found but are not jobs."""
    return (jobs.results, str(jobs.left_out)) if isinstance(jobs, ListedJobs) else (0, "")


def unread(jobs: Jobs) -> tuple[Outcome, ...]:
    """Returns an outcome with the error for each folder of the inputs that cannot be read."""
    return jobs.unread if isinstance(jobs, ListedJobs) else ()


def is_source(jobs: Jobs, path: Path) -> bool:
    """Whether the path is the source of one of the jobs."""
    if isinstance(jobs, ListedJobs):
        return path in jobs.listing
    return any(os.path.abspath(job.source) == os.path.abspath(path) for job in jobs)


class EarlierResults(Protocol):
    """The files that earlier runs wrote."""

    def __contains__(self, path: Any, /) -> bool: ...


@dataclass
class Search:
    """A search for files to process. It counts the results of earlier runs, adds other files that are not pictures to
    `left_out`, and folders that cannot be read to `unread`."""

    results: EarlierResults
    left_out: LeftOut | None = None
    videos: bool = True  # whether videos can be processed
    earlier: int = 0  # results of earlier runs
    unread: dict[str, Outcome] = field(default_factory=dict)

    def found(self, patterns: Sequence[str]) -> Iterator[Found]:
        """Yields the files on disk that the patterns name: files, folders or globs."""
        for number, pattern in enumerate(patterns):
            for source, relative in _expand(pattern, self._cannot_read):
                if self.takes(source, relative, Path(pattern) == source, self.results):
                    yield number, str(source), relative

    def _cannot_read(self, folder: Path, error: FullconvError) -> None:
        self.unread[os.path.abspath(folder)] = Outcome(folder, error=str(error))

    def takes(self, source: PurePath, relative: PurePath, named: bool, results: EarlierResults) -> bool:
        """Whether to process a file. `named`: the user gave its name. `relative`: its path in the folder that it was
        found in. Files that are left out are counted.

        Raises FullconvError for a named video if videos cannot be processed.
        """
        if is_companion(source) or (not named and is_hidden(relative)):
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

    def nothing_found(self, patterns: Sequence[str]) -> FullconvError:
        """Returns the error for a search that found nothing to process."""
        named = " ".join(patterns)
        if self.earlier:
            return FullconvError(
                f"{named}: contains only results of earlier runs; copy them elsewhere to use them as pictures"
            )
        if self.unread:
            return FullconvError(str(next(iter(self.unread.values())).error))
        videos = ", no videos" if self.videos else ""
        return FullconvError(f"{named}: no pictures found ({' '.join(sorted(images.EXTENSIONS))}){videos}")


def no_cluster(video: PurePath) -> FullconvError:
    return FullconvError(f"{video}: videos and cameras cannot use a cluster; remove {argument('cluster', 'ray')}")


def is_companion(path: PurePath) -> bool:
    """Whether the file only goes with pictures, such as georeferences and previews."""
    return path.name.lower().endswith(COMPANIONS)


def is_video(path: PurePath) -> bool:
    return path.suffix.lower() in VIDEOS or is_webcam(path)


def is_address(text: str) -> bool:
    """Whether the text is the address of a photo on the web."""
    return text.lower().startswith(("https://", "http://"))


def is_webcam(path: PurePath) -> bool:
    return str(path).startswith(WEBCAM)


def names_a_file(pattern: str) -> bool:
    """Whether the text names a file, existing or not, rather than a folder or a glob."""
    path = Path(pattern)
    return not path.is_dir() and (path.exists() or not glob.has_magic(pattern))


def refuse_missing(name: str) -> None:
    """Raises FullconvError if there is no such file, folder or camera."""
    if not (Path(name).exists() or is_webcam(Path(name))):
        raise FullconvError(f"{name}: no such file or folder")


def _expand(pattern: str, unread: Callable[[Path, FullconvError], object]) -> Iterator[tuple[Path, Path]]:
    """Yields (file, its path relative to the folder that the user named, or to the part of a glob before the first
    wildcard). Folders that cannot be read are passed to `unread`, with the error."""
    path = Path(pattern)
    if path.is_dir():
        yield from ((file, file.relative_to(path)) for file in files_under(path, unread))
    elif names_a_file(pattern):
        yield path, Path(path.name.replace(":", "_") if is_webcam(path) else path.name)
    else:
        base = Path(*takewhile(lambda part: not glob.has_magic(part), path.parts))
        for match in filterfalse(has_link_loop, glob.iglob(pattern, recursive=True)):
            yield from ((file, file.relative_to(base)) for file, _ in _expand(match, unread))
