"""Runs `fullconv predict` on several processes or machines."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from pathlib import Path

from fullconv.commands.predicting.printout import Printout
from fullconv.commands.predicting.request import Request
from fullconv.errors import FullconvError
from fullconv.jobs import cluster
from fullconv.jobs.cluster_manifest import outcome_of
from fullconv.jobs.cluster_plan import check, find
from fullconv.jobs.cluster_task import Task
from fullconv.jobs.plan import is_webcam, no_cluster
from fullconv.jobs.stores import place
from fullconv.outputs.writers import endings
from fullconv.raster_signs import may_be_raster


def predict_on_cluster(request: Request, workers: int | None) -> Printout:
    if cameras := [path for path in map(Path, request.inputs) if is_webcam(path)]:
        raise no_cluster(cameras[0])
    inputs, out = [place(text) for text in request.inputs], place(request.out)
    task = Task(inputs, out, request.wanted, request.choice, [], request.overwrite)
    if request.wants_table:
        raise FullconvError("--save csv: does not work with --cluster; read the shares in predictions.jsonl instead")
    check(task)
    request.check()
    loaded = request.load()
    settings = request.settings(loaded)
    task = replace(task, endings=endings(request.wanted.outputs, loaded.classes))
    plan = find(task, settings if request.resume else None)
    rows = plan.rows
    if rows:
        request.check_kinds(lambda: (Path(row["path"]) for row in rows), may_be_raster)
    printout = Printout(request.json_file, loaded.ran_by, plan.done, len(plan.damaged), plan.results, plan.skipped)
    lines = cluster.run(task, request.folder.path, rows, settings, workers)
    outcomes = printout.behind_bar(map(outcome_of, lines), len(rows), ())
    failures = chain(plan.unread, map(outcome_of, plan.damaged))
    printout.show(chain(failures, outcomes), len(rows), (row["path"] for row in rows))
    return printout
