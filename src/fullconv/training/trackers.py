"""Reports a run to TensorBoard, W&B or MLflow through Accelerate's trackers: the content of log.jsonl, epoch by
epoch."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from accelerate.tracking import GeneralTracker, MLflowTracker, TensorBoardTracker, WandBTracker

from fullconv.errors import FullconvError, UnknownValue, suggestion
from fullconv.training.epoch_log import Epoch
from fullconv.training.recipe import Recipe

INSTALLED_BY = {"tensorboard": "'fullconv[train]'", "wandb": "wandb", "mlflow": "mlflow"}
PROJECT = "fullconv"  # the project in W&B, the experiment in MLflow


def check_trackers(asked: str | Sequence[str] | None) -> tuple[str, ...]:
    """Returns the names in a comma-separated text or a list; "none" for none. By default TensorBoard, if it is
    installed.

    Raises FullconvError for an unknown tracker, and for one that is not installed.
    """
    if asked is None:
        return ("tensorboard",) if find_spec("tensorboard") else ()
    names = [name.strip() for name in (asked.split(",") if isinstance(asked, str) else asked)]
    chosen = tuple(name for name in names if name and name != "none")
    for name in chosen:
        if name not in INSTALLED_BY:
            known = (*INSTALLED_BY, "none")
            near = suggestion(name, known)
            raise UnknownValue(f"--track {name}: no such tracker; choose from {', '.join(known)}{near}")
        if find_spec(name) is None:
            raise FullconvError(f"--track {name}: {name} is not installed; run: pip install {INSTALLED_BY[name]}")
    return chosen


class Trackers:
    """The trackers of a run. A resumed run is reported from its first epoch, but not twice: TensorBoard's folder is
    rewritten, and W&B and MLflow get a new run each time."""

    def __init__(self, names: Sequence[str], out: Path, recipe: Recipe, history: Sequence[Epoch]) -> None:
        self.opened: list[GeneralTracker] = []
        for name in names:
            tracker = _new(name, out)
            tracker.start()
            _log_recipe(tracker, recipe)
            self.opened.append(tracker)
        for entry in history:
            self.log(entry)

    def __enter__(self) -> Trackers:
        return self

    def __exit__(self, *error: Any) -> None:
        for tracker in self.opened:
            tracker.finish()

    def log(self, entry: Epoch, **more: float) -> None:
        """Logs an epoch's numbers, as in log.jsonl, and others."""
        numbers = {**entry, **more}
        values = {key: value for key, value in numbers.items() if key != "epoch" and isinstance(value, float | int)}
        for tracker in self.opened:
            tracker.log(values, step=entry["epoch"])


def _new(name: str, out: Path) -> GeneralTracker:
    if name == "wandb":
        return WandBTracker(PROJECT, name=out.name, dir=str(out))
    if name == "mlflow":
        return MLflowTracker(PROJECT, run_name=out.name)
    shutil.rmtree(out / "tensorboard", ignore_errors=True)
    return TensorBoardTracker("tensorboard", str(out))


def _log_recipe(tracker: GeneralTracker, recipe: Recipe) -> None:
    if tracker.name == "tensorboard":  # its table of parameters needs a folder per run, so they are written as text
        tracker.log({"recipe": f"```json\n{json.dumps(recipe.to_json(), indent=2)}\n```"}, step=0)
    else:
        tracker.store_init_configuration(recipe.to_json())
