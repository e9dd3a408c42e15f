"""predictions.csv beside the results: a row for each picture and class.

It is made of the manifest once all pictures are done, in their order, so a run that was killed and resumed ends with
the same bytes.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from fullconv.files import write_whole
from fullconv.jobs.done import Finished, RunManifest
from fullconv.jobs.job import Job
from fullconv.outputs.class_table import COLUMNS
from fullconv.outputs.manifest import NAME as MANIFEST
from fullconv.outputs.manifest import name_in

NAME = "predictions.csv"
HEAD = ("file", "page", *COLUMNS)  # the page of a file of several, where all are done


def check_table(manifest: RunManifest) -> None:
    """Raises FullconvError where a file that is not fullconv's is in the way."""
    manifest.check(manifest.out / NAME, [manifest.out / NAME])


def write_table(manifest: RunManifest, jobs: Iterable[Job], name: Callable[[Path], str] = str) -> Path:
    """Of all pictures that are done, by this run or by one that it goes on from; `name` is what one is called."""
    path = manifest.out / NAME
    manifest.claim(path, [path])
    finished = Finished(manifest.out / MANIFEST, manifest.run)
    write_whole(path, lambda hidden: _fill(hidden, rows_of(finished, manifest.out, jobs, name)))
    manifest.end(path, {"target": NAME, "outputs": [NAME]})
    return path


def rows_of(
    finished: Finished, out: Path, jobs: Iterable[Job], name: Callable[[Path], str]
) -> Iterator[dict[str, Any]]:
    for job in jobs:
        line = finished.get(name_in(out, job.target))
        for row in json.loads(line).get("table", ()) if line else ():
            yield {"file": name(job.source), **row}


def _fill(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        table = csv.DictWriter(file, HEAD, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
