"""Processes the pictures of a folder or an object store on a cluster, through Ray Data. Each worker keeps the model in
memory. Workers that die are replaced.

A worker processes a few pictures at a time, from the store to the store, and reports them together when all are done.
If it dies before that, these pictures are processed again, and the same files are written again. Only the driver writes
the manifest.
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
from fullconv.jobs.outcome import Outcome, Stamp
from fullconv.jobs.plan import Search
from fullconv.jobs.recorder import NoRecorder
from fullconv.jobs.stores import Place, relative
from fullconv.outputs.manifest import ANY_PAGE, BEGUN, MAY_WRITE, NAME, Line, Owners, Results, in_the_way, of_any_page
from fullconv.prediction.engines.choice import Choice
from fullconv.prediction.predictor import ready
from fullconv.weights.model_folder import CONFIG, GRAPH, PARAMETERS, open_folder

PARTS = CONFIG, GRAPH, PARAMETERS
AT_ONCE = 32  # pictures in one task; if a worker dies, all pictures of its task are processed again
TRIES = 3  # retries of a task whose worker died, before its pictures count as failed
THREADS = 3  # per worker, which has one processor: two pictures are read or written while one is segmented
OBJECTS = 256 * 2**20  # bytes of shared memory on this machine, for the list of pictures and the model
PAUSE = (
    10.0,
    20.0,
)  # copies of the manifest to a store: at least so many seconds, and so many times the last copy, apart
Row = dict[str, Any]  # "input" (number of the input), "path", "name" (of the results), "foreign" (JSON, see `Foreign`)


@dataclass(frozen=True)
class Plan:
    """The pictures to process, and the files that are left out."""

    rows: list[Row]
    done: int  # pictures finished by a run that this one resumes
    damaged: list[Line]  # files that could not be read before and have not changed since
    results: int  # files that are results of earlier runs
    skipped: str  # text about other files in the folders


@dataclass(frozen=True)
class Task:
    """The settings for every worker."""

    inputs: list[Place]
    out: Place
    wanted: Wanted
    choice: Choice
    endings: list[str]  # possible ends of the results' file names
    overwrite: bool  # whether to replace existing files in `out`

    @property
    def pages(self) -> bool:
        """Whether each page of a file gets results of its own."""
        return self.wanted.reading.pages


def check(task: Task) -> None:
    """Raises FullconvError for outputs that are not possible on a cluster."""
    if "labelme" in task.wanted.outputs and any(top.scheme != task.out.scheme for top in task.inputs):
        raise FullconvError(
            "--save labelme: its files refer to the pictures, so --out must be in the same place as INPUT"
        )


def find(task: Task, settings: Mapping[str, Any] | None) -> Plan:
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
        raise search.nothing([str(top) for top in task.inputs])
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
    return Plan(rows, done, damaged, search.earlier, str(search.left_out))


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


class ResultsInStore:
    """Whether objects in a store are results of earlier runs, from these manifests. They are copied into `folder`."""

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
    """The names of the files in `out` before anything is written. Those in a store are listed at once, and those on
    disk folder by folder when they are needed, which also follows links."""

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
        """Returns the names, relative to `out`, that begin with `start`."""
        path = PurePosixPath(start)
        names = self.inside(str(path.parent)) or []
        first = bisect_left(names, path.name)
        found = takewhile(lambda name: name.startswith(path.name), islice(names, first, None))
        return [str(path.with_name(name)) for name in found]


def in_the_way_of(task: Task, there: Names, sources: Container[str]) -> Callable[[str], list[str]]:
    """Returns a function that finds the existing files which the picture of this name must not replace.

    These are files that a result of this picture would have the name of, but that no earlier run wrote for it. With
    --overwrite, only input pictures are protected in this way.
    """
    with tempfile.TemporaryDirectory() as folder:
        owners = Owners(copy_of_manifest(task.out, Path(folder)).parent)
        owners.of("")  # reads the manifest before its copy is removed

    def foreign(name: str) -> list[str]:
        mine = written_for(name, task.endings, task.pages)
        names = [one for mark in "_." for one in there.starting_with(name + mark) if mine.fullmatch(one)]
        others = [one for one in names if owners.known(one)[0] != name]
        return [one for one in others if not task.overwrite or str(task.out.below(one)) in sources]

    return foreign


def written_for(name: str, endings: Sequence[str], pages: bool) -> re.Pattern[str]:
    """Returns a pattern that matches the possible names of a picture's result files."""
    page = r"(_page\d+)?" if pages else ""
    return re.compile(f"{re.escape(name)}{page}({'|'.join(map(re.escape, endings))})", re.DOTALL)


def refuse_shared_pages(sources: Mapping[str, str]) -> None:
    """Raises FullconvError if the results of a page would have the same names as those of another picture."""
    for name, source in sources.items():
        first, mark, number = name.rpartition("_page")
        if mark and number.isdigit() and first in sources:
            raise FullconvError(
                f"{source}: its results would have the same names as those of a page of {sources[first]}; "
                "rename one of the two"
            )


def earlier_lines(out: Place, there: Names, settings: Mapping[str, Any]) -> Callable[[str, str, Stamp | None], Line]:
    """Returns a function that gives the manifest's line about a picture. The line is empty if there is none, the source
    has changed since, or result files are missing."""
    with tempfile.TemporaryDirectory() as folder:
        done = Finished(copy_of_manifest(out, Path(folder)), run_id(settings))

    def earlier_line(name: str, source: str, stamp: Stamp | None) -> Line:
        line: Line = json.loads(done.get(name) or b"{}")
        same = stamp is not None and (line.get("file"), line.get("bytes"), line.get("modified")) == (source, *stamp)
        return line if same and all(one in there for one in line.get("outputs", ())) else {}

    return earlier_line


def run(task: Task, folder: Path, rows: list[Row], settings: Mapping[str, Any], workers: int | None) -> Iterator[Line]:
    """Processes all pictures and yields the manifest's line about each, in any order. `folder`: the model folder.
    `workers`: how many to start, or None for one per processor."""
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
    """Returns the line that names all files that may be written for a picture. Only its worker will know which of them
    are written, but only the driver writes the manifest."""
    name, foreign = row["name"], json.loads(row["foreign"])
    names = [name + ending for ending in task.endings]
    names += [f"{name}{ANY_PAGE}{ending}" for ending in task.endings] if task.pages else []
    kept = {*foreign, *map(of_any_page, foreign)}
    return {BEGUN: name, MAY_WRITE: [one for one in names if one not in kept]}


def tidy(out: Place, names: Iterable[str]) -> None:
    """Removes the incomplete files that dead workers left on disk. In an object store, there are none."""
    if not out.scheme:
        sweep(Path(out.path), (Path(out.path, name) for name in names))


def outcome_of(line: Line) -> Outcome:
    """Returns the outcome that a line of the manifest describes."""
    if "error" in line:
        return Outcome(line["file"], error=line["error"])
    numbers = {"shares": line["classes"], "seconds": line["seconds"], "outputs": tuple(line["outputs"]),
               "notes": tuple(line.get("notes", ())), "reduced_to": line.get("reduced_to")}  # fmt: skip
    return Outcome(line["file"], line["width"], line["height"], **numbers)


def failure(name: str, source: Place, message: str) -> Line:
    return {"target": name, "file": str(source), "error": message, "bytes": None, "modified": None}


def lines(task: Task, folder: Path, rows: list[Row], workers: int | None) -> Iterator[Line]:
    with session(workers) as ray:
        ray.data.DataContext.get_current().max_errored_blocks = -1  # no limit: `run` reports the missing pictures
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
        """`model`: one Ray reference to {file name: content} of the model folder, in a list so that Ray passes the
        reference itself."""
        self.task, self.folder = task, tempfile.TemporaryDirectory()  # kept, because engines also read from it later
        for name, content in import_ray().get(model[0]).items():
            Path(self.folder.name, name).write_bytes(content)
        loaded = ready(open_folder(self.folder.name), task.choice, threads=1).among(task.wanted.classes)
        self.model = loaded.mirrored() if task.wanted.mirrored else loaded

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """Columns of rows → {"line": for each row, the line of the manifest as JSON}."""
        with ThreadPoolExecutor(THREADS) as pool:
            done = pool.map(self.process, batch["input"], batch["path"], batch["name"], batch["foreign"])
            return {"line": np.array([json.dumps(line) for line in done], object)}

    def process(self, number: int, path: str, name: str, foreign: str) -> Line:
        """Processes one picture from store to store. The files on the worker's disk have the same relative paths as in
        the store, because some results refer to the picture."""
        source, out = self.task.inputs[number].at(path), self.task.out
        with tempfile.TemporaryDirectory() as root:
            picture, results = on_disk(source, root), on_disk(out, root)
            job = Job(picture, results / name)
            try:
                seen = source.stamp()
                if source.scheme:
                    source.fetch(picture)
                recorder = Foreign(out, results, frozenset(json.loads(foreign)))
                outcome = run_one(self.model, job, self.task.wanted, recorder)
                for file in outcome.outputs if out.scheme else ():
                    out.below(Path(file).relative_to(results).as_posix()).put(Path(file))
            except FullconvError as error:  # the store does not answer
                return failure(name, source, str(error))
            except Exception as error:  # no error may stop the other pictures of the batch
                return failure(name, source, f"{source}: {error!r}")
            line = line_about(job, replace(outcome, stamp=seen), results) | {"file": str(source)}
            if outcome.error:
                line["error"] = outcome.error.replace(f"{root}/", f"{source.scheme}://")
            return line


@dataclass(frozen=True)
class Foreign(NoRecorder):
    """Refuses to replace the files `names` in `out`. `results` is the folder that stands for `out` on this disk."""

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
    """Returns the path on disk. For something in a store, this is the path of its copy below `root`."""
    return Path(root, thing.path) if thing.scheme else Path(thing.path)


@contextmanager
def written_manifest(
    out: Place, settings: Mapping[str, Any], first: Iterable[Line]
) -> Iterator[Callable[[Line], None]]:
    """Writes `first` to the manifest in `out`, then yields a function that adds a line. The manifest of a store is
    written on disk and copied to the store from time to time, and at the end."""
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
                with suppress(FullconvError):  # a later copy may succeed
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
    """Returns the path of the manifest. The manifest of a store is copied into `folder`, if there is one."""
    if out.scheme and out.below(NAME).stamp():
        out.below(NAME).fetch(folder / NAME)
    return folder / NAME if out.scheme else Path(out.path, NAME)


@contextmanager
def session(workers: int | None) -> Iterator[Any]:
    """Connects to the cluster in RAY_ADDRESS, or starts one on this machine only, and disconnects at the end.

    Raises FullconvError if this fails.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault(
        "RAY_BACKEND_LOG_LEVEL", "fatal"
    )  # otherwise Ray Data warns about how it starts workers itself
    ray = import_ray()
    warnings.filterwarnings("ignore", "`ray_remote_args`")  # there is no other way yet to set the number of retries
    try:
        start(ray, workers)
    except Exception as error:  # Ray has no error type for this
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
