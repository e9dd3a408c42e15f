"""Writes the manifest of a run on a cluster, in the driver. In a store, it is a copy of a file on disk."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from fullconv.errors import FullconvError
from fullconv.jobs.cluster_task import Row, Task
from fullconv.jobs.done import Settings, begin
from fullconv.jobs.outcome import Outcome
from fullconv.jobs.stores import Place
from fullconv.outputs.manifest import ANY_PAGE, BEGUN, MAY_WRITE, NAME, Line, of_any_page

# Copies of the manifest to a store: at least so many seconds, and so many times as long as the last one took, apart.
PAUSE = 10.0, 20.0


@contextmanager
def written_manifest(out: Place, settings: Settings, first: Iterable[Line]) -> Iterator[Callable[[Line], None]]:
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
            if out.scheme or "error" in line:
                manifest.write(line)
            else:
                manifest.end(local / line["target"], line, manifest.outputs)
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


def begun(task: Task, row: Row) -> Line:
    """Returns the line that names all files that may be written for a picture. Only its worker will know which of them
    are written, but only the driver writes the manifest."""
    name, foreign = row["name"], json.loads(row["foreign"])
    names = [name + ending for ending in task.endings]
    names += [f"{name}{ANY_PAGE}{ending}" for ending in task.endings] if task.pages else []
    kept = {*foreign, *map(of_any_page, foreign)}
    return {BEGUN: name, MAY_WRITE: [one for one in names if one not in kept]}


def failure(name: str, source: Place, message: str) -> Line:
    """Returns the line about a picture that failed. A resumed run tries it again."""
    return {"target": name, "file": str(source), "error": message, "bytes": None, "modified": None}


def outcome_of(line: Line) -> Outcome:
    """Returns the outcome that a line of the manifest describes."""
    if "error" in line:
        return Outcome(line["file"], error=line["error"])
    numbers = {"shares": line["classes"], "seconds": line["seconds"], "outputs": tuple(line["outputs"]),
               "notes": tuple(line.get("notes", ())), "reduced_to": line.get("reduced_to")}  # fmt: skip
    return Outcome(line["file"], line["width"], line["height"], **numbers)
