"""Records in predictions.jsonl, beside the results, which pictures are finished, so that a later run can continue.

Each run writes one line with everything that its results depend on except the pictures. Each picture has two lines: one
before its files are written (outputs/manifest.py), and one with the result or the error afterwards. The last line of a
picture counts.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from itertools import compress
from pathlib import Path
from typing import Any

from fullconv.errors import FullconvError
from fullconv.jobs.job import Job
from fullconv.jobs.outcome import Outcome, stamp
from fullconv.jobs.plan import Jobs
from fullconv.outputs.manifest import BEGUN, NAME, Line, Manifest, name_in, names_in, read_line

Settings = Mapping[str, Any]  # everything that the results of a run depend on except the pictures; values of JSON


class RunManifest(Manifest):
    """The manifest of one run. `run` identifies the settings that the results depend on, `outputs` what is written of a
    picture, and `of_video` of a video."""

    run: str
    outputs: Collection[str] = ()
    of_video: Collection[str] = ()

    def add(self, job: Job, outcome: Outcome) -> None:
        """Records the outcome of a picture, whether it succeeded or failed."""
        outputs = self.of_video if job.is_video else self.outputs
        self.end(job.target, line_about(job, outcome, self.out), () if outcome.error else outputs)


def line_about(job: Job, outcome: Outcome, out: Path) -> Line:
    """Returns the manifest's line about a picture. The names of its files are relative to `out`."""
    size, modified = outcome.stamp or (None, None)
    target, *outputs = names_in(out, [job.target, *map(Path, outcome.outputs)])
    line = {"target": target, **outcome.to_json()}
    line |= {"file": os.path.abspath(job.source), "bytes": size, "modified": modified}
    if not outcome.error:
        line["outputs"] = outputs
    return line | ({"damaged": True} if outcome.damaged else {})


def begin(
    out: Path,
    settings: Settings,
    overwrite: bool = False,
    is_input: Callable[[Path], bool] = lambda path: False,
) -> RunManifest:
    """Opens the manifest of a run and writes the line about the run. Raises FullconvError if `out` is not writable."""
    run = run_id(settings)
    try:
        manifest = RunManifest(out, {"run": run}, overwrite, is_input)
        manifest.run, manifest.outputs, manifest.of_video = run, settings.get("outputs", ()), settings.get("video", ())
        manifest.asked = settings.get("classes", ())
        manifest.write({"settings": settings})
    except OSError as error:
        reason = error.strerror or error
        raise FullconvError(
            f"{out / NAME}: cannot be written ({reason}); free some space, or choose another folder"
        ) from None
    return manifest


class Status(IntEnum):
    """The result of a job in earlier runs."""

    TO_DO = 0
    DONE = 1
    DAMAGED = 2  # the source could not be read and has not changed since


@dataclass(frozen=True)
class Todo:
    """The jobs that are still to be done.

    `done`: the number of jobs that earlier runs finished. `damaged`: the number of jobs whose source could not be read
    and that are not tried again. `errors`: the recorded errors of these.
    """

    jobs: Jobs
    done: int = 0
    damaged: int = 0
    errors: Iterable[Outcome] = ()


@dataclass(frozen=True)
class JobsOfStatus:
    """The jobs of one status. It keeps only one byte per job, because there may be millions."""

    jobs: Jobs
    statuses: bytes
    status: Status

    def __len__(self) -> int:
        return self.statuses.count(self.status)

    def __iter__(self) -> Iterator[Job]:
        return compress(self.jobs, (status == self.status for status in self.statuses))


def unfinished(jobs: Jobs, out: Path, settings: Settings) -> Todo:
    """Returns the jobs that no earlier run with these settings finished, or whose source has changed or files are
    missing since."""
    lines = Finished(out / NAME, run_id(settings))

    def line_of(job: Job) -> Line:
        line: Line = json.loads(lines.get(name_in(out, job.target)) or b"{}")
        return line

    statuses = bytes(_status(line_of(job), job, out) for job in jobs)
    left, damaged = JobsOfStatus(jobs, statuses, Status.TO_DO), JobsOfStatus(jobs, statuses, Status.DAMAGED)
    errors = (Outcome(job.source, error=line_of(job)["error"], damaged=True) for job in damaged)
    return Todo(left, statuses.count(Status.DONE), len(damaged), errors)


class Finished:
    """The lines about finished or damaged pictures in the manifest `path`, from runs with the same settings as `run`.

    A run with other settings makes all earlier lines invalid, because it may have replaced the files. If a target was
    begun again, its earlier lines are invalid for the same reason.
    """

    def __init__(self, path: Path, run: str) -> None:
        from fullconv.tables import table_on_disk

        self.table = table_on_disk("done", "target TEXT PRIMARY KEY, line BLOB")
        for raw, line in _lines(path):
            target = line.get("target", line.get(BEGUN))
            if line.get("run", run) != run:
                self.table.execute("DELETE FROM done")
            elif "run" in line and ("outputs" in line or "damaged" in line):
                self.table.execute("REPLACE INTO done VALUES (?, ?)", [ascii(target), raw])
            elif target is not None:
                self.table.execute("DELETE FROM done WHERE target = ?", [ascii(target)])

    def get(self, target: str) -> bytes | None:
        """Returns the line about a target, or None."""
        found = self.table.execute("SELECT line FROM done WHERE target = ?", [ascii(target)]).fetchone()
        return found[0] if found else None


def run_id(settings: Settings) -> str:
    """Returns the same id for all runs with the same settings."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]


def _status(line: Line, job: Job, out: Path) -> Status:
    """Returns what the line says if the source has not changed and all files still exist. The content of the files is
    not compared, because users may have corrected it."""
    if line.get("file") != os.path.abspath(job.source) or (line["bytes"], line["modified"]) != stamp(job.source):
        return Status.TO_DO
    if "damaged" in line:
        return Status.DAMAGED
    return Status.DONE if all((out / name).exists() for name in line["outputs"]) else Status.TO_DO


def _lines(path: Path) -> Iterator[tuple[bytes, Line]]:
    """Yields each line as bytes and parsed. Lines that a full disk or a crash cut off are left out."""
    try:
        with path.open("rb") as file:
            for raw in file:
                line = read_line(raw)
                if isinstance(line, dict):
                    yield raw, line
    except FileNotFoundError:
        return
