"""Measures how long steps, evaluations and the end of a run take: a few of each on its own data, then discarded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice, pairwise
from math import ceil
from pathlib import Path
from statistics import median
from time import monotonic

from fullconv.data.dataset import Sample
from fullconv.errors import FullconvError, argument
from fullconv.files import hidden_folder
from fullconv.logger import muted
from fullconv.models.config import ModelConfig
from fullconv.models.network import Network
from fullconv.training import length
from fullconv.training.epoch_log import Epoch, line_of
from fullconv.training.pictures import SKIPPED, Skipped
from fullconv.training.recipe import Recipe
from fullconv.training.run import Course, validate
from fullconv.training.run_folder import LOG, MODEL, STATE
from fullconv.training.start import Prepared
from fullconv.training.val_loss import val_loss

FOLDER = "trial"
STEPS, COLD = 12, 3  # steps that are run; the first ones are not counted
AHEAD = 24  # steps that follow them, so that the processes that read are as busy as in the run
SPARE = 0.03  # of the time, for what a trial cannot foresee
SCORING = 0.2  # of the time, for evaluations
FEWEST = 3  # evaluations at least

End = Callable[[Path, Sequence[Sample]], None]


@dataclass(frozen=True)
class Pace:
    """Seconds per step, per epoch in addition, and after all steps."""

    step: float
    epoch: float
    end: float


def measure(model: Network, prepared: Prepared, config: ModelConfig, recipe: Recipe, out: Path, end: End) -> Pace:
    """Measures in a temporary folder in `out`. `end` does what follows the last step, given a run's folder and val."""
    with hidden_folder(out / FOLDER) as folder, muted():
        return _measure(model, prepared, config, recipe, folder, end)


def _measure(model: Network, prepared: Prepared, config: ModelConfig, recipe: Recipe, folder: Path, end: End) -> Pace:
    dataset = prepared.dataset
    val = dataset.splits.get(recipe.val_split, ())
    recipe = length.spread(recipe, STEPS + AHEAD, len(dataset.split(recipe.train_split)), 1)
    course = Course(model, dataset, config, recipe, Skipped(folder / SKIPPED), prepared.teacher)
    times = [monotonic()]
    with closing(course.batches(0)) as batches:
        course.learn(islice(batches, STEPS), lambda loss: times.append(monotonic()))
    step = median(after - before for before, after in pairwise(times[COLD:]))
    starting = max(0.0, times[1] - times[0] - step)  # start of the reading processes
    begun, entry = times[-1], Epoch(epoch=1, loss=1.0)  # their end counts too
    if validate(course.state, val, config, recipe, folder / MODEL, entry, course.skipped):
        val_loss(course.state.trained, val, config, course.objective, recipe.crop_size, course.skipped)
    course.state.save(folder / STATE, recipe.epochs)
    scored = monotonic()
    (folder / LOG).write_text(line_of(entry), encoding="utf-8")
    end(folder, val)
    return Pace(step, starting + scored - begun, monotonic() - scored)


def within(recipe: Recipe, pace: Pace, seconds: float, pictures: float, spent: float = 0.0) -> Recipe:
    """Returns the recipe with as many steps as the remaining seconds allow. `spent`: seconds already used."""
    left = seconds * (1 - SPARE) - pace.end
    epochs = max(FEWEST, min(length.EVALUATIONS, int(SCORING * left / max(pace.epoch, 1e-3))))
    steps = int((left - epochs * pace.epoch) / pace.step)
    if steps < epochs:
        least = pace.end + FEWEST * (pace.epoch + pace.step)
        minutes = ceil((spent + 2 * least) / 60)
        raise FullconvError(
            f"the time is too short: the trial took {ceil(spent)} s, and scoring and writing alone take about "
            f"{ceil(least)} s more; give at least {argument('time', f'{minutes}m')}"
        )
    return length.spread(recipe, steps, pictures, epochs)
