"""What a report tells of the run that made its model: assumptions about the data, curves, and the next commands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from fullconv.data.description import OWN
from fullconv.figures.report import Subject, assumed_in
from fullconv.training.run_folder import LOG, MANIFEST, MODEL, RECIPE
from fullconv.words import pasted


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
    yield f"fullconv predict PICTURES --model {pasted(run)}"
    if (run / MANIFEST).is_file():  # otherwise a stage of a staged run
        data = json.loads((run / MANIFEST).read_text(encoding="utf-8"))["data"]["path"]
        yield suspects(run, data)
        if not json.loads((run / RECIPE).read_text(encoding="utf-8"))["staged"]:
            yield f"fullconv train --resume {pasted(run)} --epochs {2 * epochs}"
        yield f"fullconv train --from {pasted(run)}"


def commands_of_model(model: str, data: Path) -> Iterator[str]:
    """Yields the commands that a reader of the report of any other model may want next."""
    yield f"fullconv predict PICTURES --model {pasted(model)}"
    yield suspects(model, data)
    yield f"fullconv train {pasted(data)} --weights {pasted(model)}"


def suspects(model: str | Path, data: str | Path) -> str:
    return f"fullconv check {pasted(data)} --model {pasted(model)} --sheet suspects.png"
