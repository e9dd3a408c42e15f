"""The pictures of a folder or of an object store over a cluster, through Ray Data: a pool of workers, each with the
model in memory, that may die and are replaced.

A worker takes a few pictures at a time from the store to the store; what it has done is told when it has done all of
them, so that those of a worker that died are done again, to the same files. The manifest is written by the driver.
"""

from __future__ import annotations

import json
import logging
import os
import re
import tempfile
import time
import warnings
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice, takewhile
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

import numpy as np

from fullconv.errors import FullconvError, missing_extra
from fullconv.files import sweep
from fullconv.jobs.done import Finished, begin, line_about, run_id
from fullconv.jobs.images import run_one
from fullconv.jobs.job import Job, Wanted
from fullconv.jobs.listing import Found, LeftOut, Listing
from fullconv.jobs.outcome import NoNotes, Outcome, Stamp
from fullconv.jobs.plan import Search
from fullconv.jobs.stores import Place, relative
from fullconv.outputs.manifest import ANY_PAGE, BEGUN, MAY_WRITE, NAME, Line, Owners, Results, in_the_way, of_any_page
from fullconv.prediction.engines.choice import Choice
from fullconv.prediction.predictor import ready
from fullconv.weights.model_folder import CONFIG, GRAPH, PARAMETERS, open_folder

PARTS = CONFIG, GRAPH, PARAMETERS
AT_ONCE = 32  # pictures of one task: what is done again where a worker dies
TRIES = 3  # more, of a task whose worker died, before its pictures are given up
THREADS = 3  # in a worker, which has one processor: two pictures are read or written while one is seen
OBJECTS = 256 * 2**20  # bytes of shared memory on this machine; the list of pictures and the model pass through it
PAUSE = 10.0, 20.0  # seconds between two copies of the manifest to a store, and times what the last one took
Row = dict[str, Any]  # input: its number, path, name of what is written


@dataclass(frozen=True)
class Plan:
    """What is to be done, and what is not."""

    rows: list[Row]
    done: int  # before, by a run that this one resumes
    damaged: list[Line]  # files that could not be read before, and have not changed
    results: int  # of earlier runs, which are no pictures
    skipped: str  # of folders, in words


@dataclass(frozen=True)
class Task:
    """What is asked of every worker."""

    inputs: list[Place]
    out: Place
    wanted: Wanted
    choice: Choice
    endings: list[str]  # what names of files may end in
    overwrite: bool  # what is in the way in `out`

    @property
    def pages(self) -> bool:
        """Whether files may have pages, each with results of its own."""
        return self.wanted.reading.pages


def check(task: Task) -> None:
    """Raises FullconvError for what cannot be done here."""
    if "labelme" in task.wanted.outputs and any(top.scheme != task.out.scheme for top in task.inputs):
        raise FullconvError(
            "--save labelme: its files refer to the pictures, so --out must be in the same place as INPUT"
        )


def find(task: Task, settings: Mapping[str, Any] | None) -> Plan:
    """The pictures that are still to be done, named as without a cluster; with the `settings` of a run to resume, what
    that did is left out."""
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
        raise search.nothing([str(top) for top in task.inputs])
    if task.pages:
        refuse_shared_pages({name: source for source, name in listing})
    if settings:
        tidy(task.out, (name for _, name in listing))
    there = Names(task.out)
    told_before = told_of(task.out, there, settings) if settings else lambda name, file, stamp: {}
    foreign = in_the_way_of(task, there, known)
    rows: list[Row] = []
    damaged: list[Line] = []
    for source, name in listing:
        number, file, stamp = known[source]
        line = told_before(name, source, stamp)
        if "damaged" in line:
            damaged.append(line)
        elif not line:
            rows.append({"input": number, "path": file.path, "name": name, "foreign": json.dumps(foreign(name))})
    done = len(known) - len(rows) - len(damaged)
    return Plan(rows, done, damaged, search.earlier, str(search.left_out))


def pictures(search: Search, top: Place, out: Place, folder: Path) -> Iterator[tuple[Place, Stamp | None, PurePath]]:
    """Pictures of a folder, of a glob or named themselves, each with its path relative to the folder.
    Manifests of a store are copied into `folder`."""
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


class ResultsInStore:
    """Which objects earlier runs wrote, by these manifests, which are copied into `folder`."""

    def __init__(self, manifests: Iterable[Place], folder: Path) -> None:
        self.owners: dict[str, Owners] = {}
        for number, manifest in enumerate(manifests):
            if manifest.stamp():
                manifest.fetch(folder / str(number) / NAME)
                self.owners[manifest.path.removesuffix(NAME)] = Owners(folder / str(number))

    def __contains__(self, path: PurePath) -> bool:
        name = str(path)
        own = (owners.of(name.removeprefix(top))[0] for top, owners in self.owners.items() if name.startswith(top))
        return any(target is not None for target in own)


class Names:
    """What lies in `out` before anything is written: of a store by its list, on disk by the folders that are asked for,
    through links too."""

    def __init__(self, out: Place) -> None:
        self.out = out
        self.inside: Callable[[str], list[str] | None] = lru_cache(maxsize=64)(self._on_disk)
        if out.scheme:
            folders = defaultdict(list)
            for path in (relative(file, out) for file, _ in out.files()):
                folders[str(path.parent)].append(path.name)
            self.inside = {folder: sorted(names) for folder, names in folders.items()}.get

    def _on_disk(self, folder: str) -> list[str]:
        try:
            return sorted(os.listdir(Path(self.out.path, folder)))
        except OSError:
            return []

    def __contains__(self, name: str) -> bool:
        return name in self.starting_with(name)

    def starting_with(self, start: str) -> list[str]:
        path = PurePosixPath(start)
        names = self.inside(str(path.parent)) or []
        first = bisect_left(names, path.name)
        found = takewhile(lambda name: name.startswith(path.name), islice(names, first, None))
        return [str(path.with_name(name)) for name in found]


def in_the_way_of(task: Task, there: Names, sources: Container[str]) -> Callable[[str], list[str]]:
    """Of the names that the files of a picture called so may have, those that are somebody else's; with --overwrite
    only those of pictures that are still to be read."""
    with tempfile.TemporaryDirectory() as folder:
        owners = Owners(copy_of_manifest(task.out, Path(folder)).parent)
        owners.of("")  # reads it, while it is there

    def foreign(name: str) -> list[str]:
        mine = written_for(name, task.endings, task.pages)
        names = [one for mark in "_." for one in there.starting_with(name + mark) if mine.fullmatch(one)]
        others = [one for one in names if owners.known(one)[0] != name]
        return [one for one in others if not task.overwrite or str(task.out.below(one)) in sources]

    return foreign


def written_for(name: str, endings: Sequence[str], pages: bool) -> re.Pattern[str]:
    """Matches what the files of a picture may be called."""
    page = r"(_page\d+)?" if pages else ""
    return re.compile(f"{re.escape(name)}{page}({'|'.join(map(re.escape, endings))})", re.DOTALL)


def refuse_shared_pages(sources: Mapping[str, str]) -> None:
    """Raises FullconvError where a page's results would be called like those of another picture."""
    for name, source in sources.items():
        first, mark, number = name.rpartition("_page")
        if mark and number.isdigit() and first in sources:
            raise FullconvError(
                f"{source}: its results would have the same names as those of a page of {sources[first]}; "
                "rename one of the two"
            )


def told_of(out: Place, there: Names, settings: Mapping[str, Any]) -> Callable[[str, str, Stamp | None], Line]:
    """What the manifest tells of this very source, if its files are there; else nothing."""
    with tempfile.TemporaryDirectory() as folder:
        done = Finished(copy_of_manifest(out, Path(folder)), run_id(settings))

    def told(name: str, source: str, stamp: Stamp | None) -> Line:
        line: Line = json.loads(done.get(name) or b"{}")
        same = stamp is not None and (line.get("file"), line.get("bytes"), line.get("modified")) == (source, *stamp)
        return line if same and all(one in there for one in line.get("outputs", ())) else {}

    return told


def run(task: Task, folder: Path, rows: list[Row], settings: Mapping[str, Any], workers: int | None) -> Iterator[Line]:
    """What became of each picture, in no order, as the manifest tells it. `folder` is the model's."""
    left = {row["name"]: row for row in rows}
    with written_manifest(task.out, settings, (begun(task, row) for row in rows)) as write:
        for line in lines(task, folder, rows, workers) if rows else ():
            write(line)
            del left[line["target"]]
            yield line
        tidy(task.out, (row["name"] for row in rows))
        for name, row in left.items():
            source = task.inputs[row["input"]].at(row["path"])
            line = failure(
                name, source, f"{source}: {TRIES + 1} workers died while processing it or a picture in the same batch"
            )
            write(line)
            yield line


def begun(task: Task, row: Row) -> Line:
    """What may be written for it. Which of these will be, only its worker knows, and only the driver can note it."""
    name, foreign = row["name"], json.loads(row["foreign"])
    names = [name + ending for ending in task.endings]
    names += [f"{name}{ANY_PAGE}{ending}" for ending in task.endings] if task.pages else []
    kept = {*foreign, *map(of_any_page, foreign)}
    return {BEGUN: name, MAY_WRITE: [one for one in names if one not in kept]}


def tidy(out: Place, names: Iterable[str]) -> None:
    """Removes what workers that died left on disk. Object stores show nothing of it."""
    if not out.scheme:
        sweep(Path(out.path), (Path(out.path, name) for name in names))


def outcome_of(line: Line) -> Outcome:
    """What a line tells, for a reader."""
    if "error" in line:
        return Outcome(line["file"], error=line["error"])
    numbers = {"shares": line["classes"], "seconds": line["seconds"], "outputs": tuple(line["outputs"]),
               "notes": tuple(line.get("notes", ())), "reduced_to": line.get("reduced_to")}  # fmt: skip
    return Outcome(line["file"], line["width"], line["height"], **numbers)


def failure(name: str, source: Place, message: str) -> Line:
    return {"target": name, "file": str(source), "error": message, "bytes": None, "modified": None}


def lines(task: Task, folder: Path, rows: list[Row], workers: int | None) -> Iterator[Line]:
    with session(workers) as ray:
        ray.data.DataContext.get_current().max_errored_blocks = -1  # those are found missing at the end
        model = ray.put({name: (folder / name).read_bytes() for name in PARTS if (folder / name).exists()})
        blocks = -(-len(rows) // AT_ONCE)
        size = min(blocks, workers or int(ray.cluster_resources()["CPU"]))
        done = ray.data.from_items(rows, override_num_blocks=blocks).map_batches(
            Worker,
            fn_constructor_args=(task, [model]),
            batch_size=AT_ONCE,
            compute=ray.data.ActorPoolStrategy(size=size),
            num_cpus=1,
            max_restarts=-1,
            max_task_retries=TRIES,
        )
        for row in done.iter_rows():
            yield json.loads(row["line"])


class Worker:
    """A process with the model in memory."""

    def __init__(self, task: Task, model: list[Any]) -> None:
        self.task, self.folder = task, tempfile.TemporaryDirectory()  # engines read from it later, too
        for name, content in import_ray().get(model[0]).items():
            Path(self.folder.name, name).write_bytes(content)
        loaded = ready(open_folder(self.folder.name), task.choice, threads=1).among(task.wanted.classes)
        self.model = loaded.mirrored() if task.wanted.mirrored else loaded

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """Columns of rows → a line of the manifest for each."""
        with ThreadPoolExecutor(THREADS) as pool:
            told = pool.map(self.carry, batch["input"], batch["path"], batch["name"], batch["foreign"])
            return {"line": np.array([json.dumps(line) for line in told], object)}

    def carry(self, number: int, path: str, name: str, foreign: str) -> Line:
        """One picture from store to store; on the way its files lie to each other as in the store."""
        source, out = self.task.inputs[number].at(path), self.task.out
        with tempfile.TemporaryDirectory() as root:
            picture, results = on_disk(source, root), on_disk(out, root)
            job = Job(picture, results / name)
            try:
                seen = source.stamp()
                if source.scheme:
                    source.fetch(picture)
                notes = Foreign(out, results, frozenset(json.loads(foreign)))
                outcome = run_one(self.model, job, self.task.wanted, notes)
                for file in outcome.outputs if out.scheme else ():
                    out.below(Path(file).relative_to(results).as_posix()).put(Path(file))
            except FullconvError as error:  # the store does not answer
                return failure(name, source, str(error))
            except Exception as error:  # whatever it is, it must not take along the pictures beside it
                return failure(name, source, f"{source}: {error!r}")
            line = line_about(job, replace(outcome, stamp=seen), results) | {"file": str(source)}
            if outcome.error:
                line["error"] = outcome.error.replace(f"{root}/", f"{source.scheme}://")
            return line


@dataclass(frozen=True)
class Foreign(NoNotes):
    """What must not be written in `out`, which is `results` meanwhile: names of files that are somebody else's."""

    out: Place
    results: Path
    names: frozenset[str]

    def check(self, target: Path, paths: Sequence[Path]) -> None:
        for path in paths:
            if path.relative_to(self.results).as_posix() in self.names:
                raise in_the_way(str(self.out.below(path.relative_to(self.results).as_posix())))

    def claim(self, target: Path, paths: Sequence[Path]) -> None:
        self.check(target, paths)


def on_disk(thing: Place, root: str) -> Path:
    """Where it lies, or lies meanwhile."""
    return Path(root, thing.path) if thing.scheme else Path(thing.path)


@contextmanager
def written_manifest(
    out: Place, settings: Mapping[str, Any], first: Iterable[Line]
) -> Iterator[Callable[[Line], None]]:
    """Adds lines to the manifest in `out`, `first` being there before anything else is. Of a store's, a copy is kept on
    disk, and copied there time and again."""
    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder if out.scheme else out.path)
        copy_of_manifest(out, local)
        due = time.monotonic() + PAUSE[0]

        def copy() -> None:
            if out.scheme:
                out.below(NAME).put(local / NAME)

        def write(line: Line) -> None:
            nonlocal due
            manifest.write(line)
            if time.monotonic() > due:
                start = time.monotonic()
                with suppress(FullconvError):  # the next may arrive
                    copy()
                due = time.monotonic() + max(PAUSE[0], PAUSE[1] * (time.monotonic() - start))

        with closing(begin(local, settings)) as manifest:
            for line in first:
                manifest.write(line)
            copy()
            try:
                yield write
            finally:
                copy()


def copy_of_manifest(out: Place, folder: Path) -> Path:
    """The manifest as a file; of a store, copied into `folder`."""
    if out.scheme and out.below(NAME).stamp():
        out.below(NAME).fetch(folder / NAME)
    return folder / NAME if out.scheme else Path(out.path, NAME)


@contextmanager
def session(workers: int | None) -> Iterator[Any]:
    """The cluster that RAY_ADDRESS names, or one on this machine alone, for as long as it lasts."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # else Ray Data alarms about its own way to start workers
    ray = import_ray()
    warnings.filterwarnings("ignore", "`ray_remote_args`")  # there is no other way yet to say how often to try
    try:
        start(ray, workers)
    except Exception as error:  # Ray has no kind of its own for it
        reason = " ".join(str(error).split())
        raise FullconvError(f"Ray did not start: {reason} (check RAY_ADDRESS and how busy the machine is)") from None
    try:
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        ray.data.DataContext.get_current().enable_progress_bars = False
        yield ray
    finally:
        ray.shutdown()


def start(ray: Any, workers: int | None) -> None:
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    if "RAY_ADDRESS" in os.environ:
        ray.init(**quiet)
    else:
        ray.init(
            "local", num_cpus=workers or os.cpu_count(), include_dashboard=False, object_store_memory=OBJECTS,
            _node_ip_address="127.0.0.1", **quiet,
        )  # fmt: skip


def import_ray() -> Any:
    try:
        import ray.data
    except ImportError:
        raise missing_extra("ray", "ray") from None
    return ray
