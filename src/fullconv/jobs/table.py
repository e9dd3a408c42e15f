"""Writes predictions.csv beside the results, with a row for each picture and class.

It is made from the manifest when all pictures are done, in their order. A run that was killed and resumed therefore
writes the same bytes as an uninterrupted one.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from fullconv.files import write_whole
from fullconv.jobs.done import Finished, RunManifest
from fullconv.jobs.job import Job
from fullconv.jobs.outcome import TableRow
from fullconv.outputs.class_table import COLUMNS
from fullconv.outputs.manifest import NAME as MANIFEST
from fullconv.outputs.manifest import name_in

NAME = "predictions.csv"
HEAD = ("file", "page", *COLUMNS)  # page: only if all pages of a file are processed and there are several


def check_table(manifest: RunManifest) -> None:
    """Raises FullconvError if there is already a file of this name that fullconv did not write."""
    manifest.check(manifest.out / NAME, [manifest.out / NAME])


def write_table(manifest: RunManifest, jobs: Iterable[Job], name: Callable[[Path], str] = str) -> Path:
    """Writes the rows of all finished pictures, from this run and from those that it resumes. `name` gives the name to
    show for a picture. Returns the path of the table."""
    path = manifest.out / NAME
    manifest.claim(path, [path])
    finished = Finished(manifest.out / MANIFEST, manifest.run)
    write_whole(path, lambda hidden: _fill(hidden, rows_of(finished, manifest.out, jobs, name)))
    manifest.end(path, {"target": NAME, "outputs": [NAME]})
    return path


def rows_of(finished: Finished, out: Path, jobs: Iterable[Job], name: Callable[[Path], str]) -> Iterator[TableRow]:
    """Yields the rows of all finished pictures, in the order of the jobs."""
    for job in jobs:
        line = finished.get(name_in(out, job.target))
        for row in json.loads(line).get("table", ()) if line else ():
            yield {"file": name(job.source), **row}


def _fill(path: Path, rows: Iterable[TableRow]) -> None:
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        table = csv.DictWriter(file, HEAD, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
