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
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fullconv.errors import FullconvError, missing_extra
from fullconv.jobs.cluster_existing import tidy
from fullconv.jobs.cluster_manifest import begun, failure, written_manifest
from fullconv.jobs.cluster_task import Row, Task
from fullconv.jobs.done import Settings, line_about
from fullconv.jobs.images import run_one
from fullconv.jobs.job import Job
from fullconv.jobs.recorder import NoRecorder
from fullconv.jobs.stores import Place
from fullconv.outputs.manifest import Line, in_the_way
from fullconv.prediction.predictor import ready
from fullconv.processors import PROCESSORS
from fullconv.weights.model_files import CONFIG, GRAPH, PARAMETERS
from fullconv.weights.model_folder import open_folder

PARTS = CONFIG, GRAPH, PARAMETERS
AT_ONCE = 32  # pictures in one task; if a worker dies, all pictures of its task are processed again
TRIES = 3  # retries of a task whose worker died, before its pictures count as failed
THREADS = 3  # per worker, which has one processor: two pictures are read or written while one is segmented
OBJECTS = 256 * 2**20  # bytes of shared memory on this machine, for the list of pictures and the model


def run(task: Task, folder: Path, rows: list[Row], settings: Settings, workers: int | None) -> Iterator[Line]:
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


def lines(task: Task, folder: Path, rows: list[Row], workers: int | None) -> Iterator[Line]:
    """Runs the workers. Yields the manifest's line about each picture whose worker did not die."""
    with connected_ray(workers) as ray:
        ray.data.DataContext.get_current().max_errored_blocks = -1  # no limit: `run` reports the missing pictures
        model = ray.put({name: (folder / name).read_bytes() for name in PARTS if (folder / name).exists()})
        blocks = -(-len(rows) // AT_ONCE)
        size = min(blocks, workers or int(ray.cluster_resources()["CPU"]))
        done = ray.data.from_items(rows, override_num_blocks=blocks).map_batches(
            Worker,
            fn_constructor_args=(task, [model]),
            batch_size=AT_ONCE,
            # a second task waiting for the same worker would share its deaths
            compute=ray.data.ActorPoolStrategy(size=size, max_tasks_in_flight_per_actor=1),
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
        loaded = ready(open_folder(self.folder.name), task.choice, threads=1)
        loaded = loaded.among(task.wanted.classes) if task.wanted.classes else loaded
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
def connected_ray(workers: int | None) -> Iterator[Any]:
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
    """Connects to the cluster in RAY_ADDRESS, or starts one on this machine only. It listens on 127.0.0.1."""
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    if "RAY_ADDRESS" in os.environ:
        ray.init(**quiet)
    else:
        ray.init(
            "local", num_cpus=workers or PROCESSORS, include_dashboard=False, object_store_memory=OBJECTS,
            _node_ip_address="127.0.0.1", **quiet,
        )  # fmt: skip


def import_ray() -> Any:
    try:
        import ray.data
    except ImportError:
        raise missing_extra("ray", "ray") from None
    return ray
