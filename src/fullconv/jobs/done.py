"""predictions.jsonl next to the results: what is finished, so that a later run can continue.

A line for each run, with all that its results depend on but the pictures, and two lines for each picture: one before
its files are written (outputs/manifest.py), one when they lie under their names, or with the error. The last line of a
picture counts.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
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


class RunManifest(Manifest):
    """The lines of one run, called `run`: by the settings that its results depend on."""

    run: str

    def add(self, job: Job, outcome: Outcome) -> None:
        """Tells of a picture that is done, or could not be."""
        self.end(job.target, line_about(job, outcome, self.out))


def line_about(job: Job, outcome: Outcome, out: Path) -> Line:
    """What is told of a picture; names of outputs are relative to `out`."""
    size, modified = outcome.stamp or (None, None)
    target, *outputs = names_in(out, [job.target, *map(Path, outcome.outputs)])
    line = {"target": target, **outcome.to_json()}
    line |= {"file": os.path.abspath(job.source), "bytes": size, "modified": modified}
    if not outcome.error:
        line["outputs"] = outputs
    return line | ({"damaged": True} if outcome.damaged else {})


def begin(
    out: Path,
    settings: Mapping[str, Any],
    overwrite: bool = False,
    is_input: Callable[[Path], bool] = lambda path: False,
) -> RunManifest:
    """A run's manifest, its first line written. Raises FullconvError where nothing can be written in `out`."""
    run = run_id(settings)
    try:
        manifest = RunManifest(out, {"run": run}, overwrite, is_input)
        manifest.run = run
        manifest.write({"settings": settings})
    except OSError as error:
        reason = error.strerror or error
        raise FullconvError(
            f"{out / NAME}: cannot be written ({reason}); free some space, or choose another folder"
        ) from None
    return manifest


class Fate(IntEnum):
    """What earlier runs made of a job."""

    TO_DO = 0
    DONE = 1
    DAMAGED = 2  # its source cannot be read, and has not changed


@dataclass(frozen=True)
class Todo:
    """The jobs that are still to be done. `done`: how many were done before; `damaged`: how many could not be read
    before, and are not tried again; `errors`: what was said of these."""

    jobs: Jobs
    done: int = 0
    damaged: int = 0
    errors: Iterable[Outcome] = ()


@dataclass(frozen=True)
class OfFate:
    """The jobs of one fate: a byte for each job, whatever their number."""

    jobs: Jobs
    fates: bytes
    fate: Fate

    def __len__(self) -> int:
        return self.fates.count(self.fate)

    def __iter__(self) -> Iterator[Job]:
        return compress(self.jobs, (fate == self.fate for fate in self.fates))


def unfinished(jobs: Jobs, out: Path, settings: Mapping[str, Any]) -> Todo:
    """What was not done before with these settings, or whose source or files are no longer as they were."""
    lines = Finished(out / NAME, run_id(settings))

    def line_of(job: Job) -> Line:
        line: Line = json.loads(lines.get(name_in(out, job.target)) or b"{}")
        return line

    fates = bytes(_fate(line_of(job), job, out) for job in jobs)
    left, damaged = OfFate(jobs, fates, Fate.TO_DO), OfFate(jobs, fates, Fate.DAMAGED)
    errors = (Outcome(job.source, error=line_of(job)["error"], damaged=True) for job in damaged)
    return Todo(left, fates.count(Fate.DONE), len(damaged), errors)


class Finished:
    """What runs like `run` have done or found damaged, by target; a run that was unlike may have begun to write over
    it, and so may whatever else began with that target."""

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
        """The line that tells of it."""
        found = self.table.execute("SELECT line FROM done WHERE target = ?", [ascii(target)]).fetchone()
        return found[0] if found else None


def run_id(settings: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]


def _fate(line: Line, job: Job, out: Path) -> Fate:
    """What the line tells, if it is of this very source, and its files are there; what they hold may have been
    corrected."""
    if line.get("file") != os.path.abspath(job.source) or (line["bytes"], line["modified"]) != stamp(job.source):
        return Fate.TO_DO
    if "damaged" in line:
        return Fate.DAMAGED
    return Fate.DONE if all((out / name).exists() for name in line["outputs"]) else Fate.TO_DO


def _lines(path: Path) -> Iterator[tuple[bytes, Line]]:
    """Lines as they are and as they read; what was cut off by a full disk or a crash is no line."""
    try:
        with path.open("rb") as file:
            for raw in file:
                line = read_line(raw)
                if isinstance(line, dict):
                    yield raw, line
    except FileNotFoundError:
        return
