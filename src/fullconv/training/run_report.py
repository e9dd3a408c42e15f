"""What a report tells of the run that made its model: assumptions about the data, curves, and the next commands."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from fullconv.data.description import OWN
from fullconv.figures.report import Subject, assumed_in
from fullconv.training.run_folder import LOG, MANIFEST, MODEL, RECIPE


def run_of(model: Path) -> Path | None:
    """Returns the folder of the run that a model folder belongs to, or None if it lies anywhere else."""
    run = model.resolve().parent
    return run if model.resolve().name == MODEL and (run / LOG).is_file() else None


def with_run(subject: Subject, run: Path) -> Subject:
    """Returns the subject with what the folder of a run tells about it."""
    history = [json.loads(line) for line in (run / LOG).read_text(encoding="utf-8").splitlines()]
    commands = tuple(commands_of_run(run, len(history)))
    return replace(subject, assumed=tuple(assumed_in(run / OWN[0])), history=history, commands=commands)


def commands_of_run(run: Path, epochs: int) -> Iterator[str]:
    """Yields the commands that a reader of the report of a run may want next."""
    name = shlex.quote(str(run))
    yield f"fullconv predict PICTURES --model {name}"
    if (run / MANIFEST).is_file():  # otherwise a stage of a staged run
        data = json.loads((run / MANIFEST).read_text(encoding="utf-8"))["data"]["path"]
        yield suspects(name, data)
        if not json.loads((run / RECIPE).read_text(encoding="utf-8"))["staged"]:
            yield f"fullconv train --resume {name} --epochs {2 * epochs}"
        yield f"fullconv train --from {name}"


def commands_of_model(model: str, data: Path) -> Iterator[str]:
    """Yields the commands that a reader of the report of any other model may want next."""
    name = shlex.quote(model)
    yield f"fullconv predict PICTURES --model {name}"
    yield suspects(name, str(data))
    yield f"fullconv train {shlex.quote(str(data))} --weights {name}"


def suspects(model: str, data: str) -> str:
    return f"fullconv check {shlex.quote(data)} --model {model} --sheet suspects.png"
