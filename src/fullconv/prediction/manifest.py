"""predictions.jsonl beside the results: what was done, so that a later run can go on from there.

A line for each run, with all that its results depend on but the pictures, and a line for each picture, failed ones too.
A picture's line is added after its files lie under their names; the last line of a picture counts.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from io import FileIO
from itertools import compress
from pathlib import Path
from typing import Any

from fullconv.errors import FullconvError
from fullconv.prediction.engines.choice import graph_for
from fullconv.prediction.engines.contract import Engine
from fullconv.prediction.folder import Job, Jobs, Outcome, stamp
from fullconv.weights.folder import CONFIG, PARAMETERS

NAME = "predictions.jsonl"
Line = dict[str, Any]


@dataclass(frozen=True)
class Manifest:
    """The lines of one run in folder `out`, added from any thread."""

    out: Path
    run: str
    file: FileIO
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, job: Job, outcome: Outcome) -> None:
        """Tells of a picture. The line is the system's when this returns: killing the process does not lose it."""
        self.write({"run": self.run, **line_of(job, outcome, self.out)})

    def write(self, line: Line) -> None:
        content = (json.dumps(line) + "\n").encode()  # ASCII only: names that are no UTF-8 survive as well
        with self.lock:
            if self.file.write(content) < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        self.file.close()


def line_of(job: Job, outcome: Outcome, out: Path) -> Line:
    """What is told of a picture; names of outputs are relative to `out`."""
    size, modified = outcome.stamp or (None, None)
    line = {"target": _name(job.target, out), **outcome.to_json()}
    line |= {"file": os.path.abspath(job.source), "bytes": size, "modified": modified}
    if not outcome.error:
        line["outputs"] = [_name(Path(path), out) for path in outcome.outputs]
    return line


def begin(out: Path, settings: Mapping[str, Any]) -> Manifest:
    """A run's manifest, its first line written. Raises FullconvError where nothing can be written in `out`."""
    path = out / NAME
    try:
        out.mkdir(parents=True, exist_ok=True)
        manifest = Manifest(out, run_id(settings), path.open("ab", buffering=0))
        if _is_torn(path):
            manifest.file.write(b"\n")
        manifest.write({"run": manifest.run, "settings": settings})
    except OSError as error:
        reason = error.strerror or error
        raise FullconvError(f"{path}: cannot be written ({reason}); make room, or choose another --out") from None
    return manifest


@dataclass(frozen=True)
class Remaining:
    """The jobs that are still to be done: a byte for each job, whatever their number."""

    jobs: Jobs
    flags: bytes

    def __len__(self) -> int:
        return sum(self.flags)

    def __iter__(self) -> Iterator[Job]:
        return compress(self.jobs, self.flags)


def unfinished(jobs: Jobs, out: Path, settings: Mapping[str, Any]) -> Remaining:
    """The jobs that were not done before with these settings, or whose source or files are no longer as they were."""
    done = Finished(out / NAME, run_id(settings))
    return Remaining(jobs, bytes(not _holds(done.get(_name(job.target, out)), job, out) for job in jobs))


class Finished:
    """What runs like `run` have done, by target; a run that was unlike may have begun to write over it."""

    def __init__(self, path: Path, run: str) -> None:
        from fullconv.prediction.listing import table_on_disk

        self.table = table_on_disk("done", "target TEXT PRIMARY KEY, line BLOB")
        for raw, line in _lines(path):
            if line.get("run") != run:
                self.table.execute("DELETE FROM done")
            elif "error" in line:
                self.table.execute("DELETE FROM done WHERE target = ?", [ascii(line["target"])])
            elif "target" in line:
                self.table.execute("REPLACE INTO done VALUES (?, ?)", [ascii(line["target"]), raw])

    def get(self, target: str) -> bytes | None:
        """The line that tells of it."""
        found = self.table.execute("SELECT line FROM done WHERE target = ?", [ascii(target)]).fetchone()
        return found[0] if found else None


def settings_of(model: Path, engine: Engine, **others: Any) -> dict[str, Any]:
    """What results depend on: the model folder, by the content of what the engine reads, the engine, and `others`."""
    if engine.name == "torch":
        parts = [CONFIG, PARAMETERS]
    else:
        graph = graph_for(model, engine.precision)
        parts = [CONFIG, *(file.name for file in (graph, graph.with_suffix(".bin")) if file.exists())]
    digests = {part: _digest(model / part) for part in parts}
    return {"model": model.name, **digests, "engine": engine.name, "precision": engine.precision, **others}


def run_id(settings: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]


def _holds(raw: bytes | None, job: Job, out: Path) -> bool:
    """Whether the line tells of this very source, and its files are there; what they hold may have been corrected."""
    if raw is None:
        return False
    line = json.loads(raw)
    same = line["file"] == os.path.abspath(job.source) and (line["bytes"], line["modified"]) == stamp(job.source)
    return same and all((out / name).exists() for name in line["outputs"])


def _lines(path: Path) -> Iterator[tuple[bytes, Line]]:
    """Lines as they are and as they read; what was cut off by a full disk or a crash is no line."""
    try:
        with path.open("rb") as file:
            for raw in file:
                with suppress(ValueError):
                    yield raw, json.loads(raw)
    except FileNotFoundError:
        return


def _is_torn(path: Path) -> bool:
    """Whether the last line has no end."""
    with path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        if not file.tell():
            return False
        file.seek(-1, os.SEEK_END)
        return file.read() != b"\n"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def _name(path: Path, out: Path) -> str:
    return path.relative_to(out).as_posix()
