"""Plans a run on a cluster: finds the pictures in folders and stores, and leaves out those that are finished."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath

from fullconv.errors import FullconvError
from fullconv.jobs.cluster_existing import Names, ResultsInStore, in_the_way_of, tidy
from fullconv.jobs.cluster_manifest import copy_of_manifest
from fullconv.jobs.cluster_task import Row, Task
from fullconv.jobs.done import Finished, Settings, run_id
from fullconv.jobs.listing import Found, LeftOut, Listing
from fullconv.jobs.outcome import Outcome, Stamp
from fullconv.jobs.plan import Search
from fullconv.jobs.stores import Place, relative
from fullconv.outputs.manifest import NAME, Line, Results


@dataclass(frozen=True)
class Plan:
    """The pictures to process, and the files that are left out."""

    rows: list[Row]
    done: int  # pictures finished by a run that this one resumes
    damaged: list[Line]  # files that could not be read before and have not changed since
    results: int  # files that are results of earlier runs
    skipped: str  # text about other files in the folders
    unread: tuple[Outcome, ...] = ()  # the errors of folders that cannot be read


def check(task: Task) -> None:
    """Raises FullconvError for outputs that are not possible on a cluster."""
    if "labelme" in task.wanted.outputs and any(top.scheme != task.out.scheme for top in task.inputs):
        raise FullconvError(
            "--save labelme: its files refer to the pictures, so --out must be in the same place as INPUT"
        )


def find(task: Task, settings: Settings | None) -> Plan:
    """Finds the pictures to process, with the same names as without a cluster. Given the `settings` of a run to resume,
    pictures that it finished are left out. Raises FullconvError if there are no pictures."""
    search = Search(Results(), LeftOut(), videos=False)
    known: dict[str, tuple[int, Place, Stamp | None]] = {}

    def found(folder: Path) -> Iterator[Found]:
        for number, top in enumerate(task.inputs):
            for file, stamp, path in pictures(search, top, task.out, folder / str(number)):
                known.setdefault(str(file), (number, file, stamp))
                yield number, str(file), path

    with tempfile.TemporaryDirectory() as folder:
        listing = Listing(found(Path(folder)))
    if not known:
        raise search.nothing_found([str(top) for top in task.inputs])
    if task.pages:
        refuse_shared_pages({name: source for source, name in listing})
    if settings:
        tidy(task.out, (name for _, name in listing))
    there = Names(task.out)
    earlier_line = earlier_lines(task.out, there, settings) if settings else lambda name, file, stamp: {}
    foreign = in_the_way_of(task, there, known)
    rows: list[Row] = []
    damaged: list[Line] = []
    for source, name in listing:
        number, file, stamp = known[source]
        line = earlier_line(name, source, stamp)
        if "damaged" in line:
            damaged.append(line)
        elif not line:
            rows.append({"input": number, "path": file.path, "name": name, "foreign": json.dumps(foreign(name))})
    done = len(known) - len(rows) - len(damaged)
    return Plan(rows, done, damaged, search.earlier, str(search.left_out), tuple(search.unread.values()))


def pictures(search: Search, top: Place, out: Place, folder: Path) -> Iterator[tuple[Place, Stamp | None, PurePath]]:
    """Yields the pictures of one input (a folder, glob or file), each with its stamp and its path relative to the
    input. Manifests in a store are copied into `folder`."""
    if not top.scheme:
        for _, source, relative_path in search.found([top.path]):
            file = top.at(os.path.abspath(source))
            yield file, file.stamp(), relative_path
        return
    alone = top.stamp()
    files = [(top, alone)] if alone else list(top.files())
    manifests = {str(file): file for file, _ in files if file.path.endswith(f"/{NAME}")}
    manifests |= {str(out.below(NAME)): out.below(NAME)} if out.scheme == top.scheme else {}
    results = ResultsInStore(manifests.values(), folder)
    for file, stamp in files:
        path = PurePosixPath(file.path)
        relative_path = PurePosixPath(path.name) if alone else relative(file, top)
        if search.takes(path, relative_path, bool(alone), results):
            yield file, stamp, relative_path


def refuse_shared_pages(sources: Mapping[str, str]) -> None:
    """Raises FullconvError if the results of a page would have the same names as those of another picture."""
    for name, source in sources.items():
        first, mark, number = name.rpartition("_page")
        if mark and number.isdigit() and first in sources:
            raise FullconvError(
                f"{source}: its results would have the same names as those of a page of {sources[first]}; "
                "rename one of the two"
            )


def earlier_lines(out: Place, there: Names, settings: Settings) -> Callable[[str, str, Stamp | None], Line]:
    """Returns a function that gives the manifest's line about a picture. The line is empty if there is none, the source
    has changed since, or result files are missing."""
    with tempfile.TemporaryDirectory() as folder:
        done = Finished(copy_of_manifest(out, Path(folder)), run_id(settings))

    def earlier_line(name: str, source: str, stamp: Stamp | None) -> Line:
        line: Line = json.loads(done.get(name) or b"{}")
        same = stamp is not None and (line.get("file"), line.get("bytes"), line.get("modified")) == (source, *stamp)
        return line if same and all(one in there for one in line.get("outputs", ())) else {}

    return earlier_line
