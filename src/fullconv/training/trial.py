"""Measures how long steps, evaluations and the end of a run take: a few of each on its own data, then discarded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice, pairwise
from math import ceil, floor
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


@dataclass(frozen=True)
class Allowance:
    """When the trial began and when the time is over: readings of the monotonic clock."""

    began: float
    until: float

    def require(self, least: float) -> None:
        """Raises FullconvError if the time is over before `least`, the seconds that are surely needed from now on."""
        now = monotonic()
        if now + least > self.until:
            spent, asked = now - self.began, self.until - self.began
            minutes = ceil(max(spent + 2 * least, 2 * asked) / 60)  # what is not measured yet takes time too
            raise FullconvError(
                f"the time is too short: the trial has taken {ceil(spent)} s, and more than {floor(least)} s are still "
                f"needed; give at least {argument('time', f'{minutes}m')}"
            )


def measure(
    model: Network, prepared: Prepared, config: ModelConfig, recipe: Recipe, out: Path, end: End, allowance: Allowance
) -> Pace:
    """Measures in a temporary folder in `out`. `end` does what follows the last step, given a run's folder and val.

    Raises FullconvError as soon as it is clear that the run does not fit the `allowance`.
    """
    with hidden_folder(out / FOLDER) as folder, muted():
        return _measure(model, prepared, config, recipe, folder, end, allowance)


def _measure(
    model: Network, prepared: Prepared, config: ModelConfig, recipe: Recipe, folder: Path, end: End,
    allowance: Allowance,
) -> Pace:  # fmt: skip
    dataset = prepared.dataset
    val = dataset.splits.get(recipe.val_split, ())
    recipe = length.spread(recipe, STEPS + AHEAD, len(dataset.split(recipe.train_split)), 1)
    course = Course(model, dataset, config, recipe, Skipped(folder / SKIPPED), prepared.teacher)
    times = _timed_steps(course, allowance)
    step = median(after - before for before, after in pairwise(times[COLD:]))
    starting = max(0.0, times[1] - times[0] - step)  # start of the reading processes
    entry = Epoch(epoch=1, loss=1.0)
    _evaluate(course, val, recipe, folder, entry)
    scored = monotonic()
    epoch = starting + scored - times[-1]  # the end of the reading processes counts too
    allowance.require(FEWEST * (epoch + step))
    (folder / LOG).write_text(line_of(entry), encoding="utf-8")
    end(folder, val)
    return Pace(step, epoch, monotonic() - scored)


def _timed_steps(course: Course, allowance: Allowance) -> list[float]:
    """Returns when the steps began, and when each of them was done."""
    times = [monotonic()]

    def advance(loss: float) -> None:
        times.append(monotonic())
        fastest = min((after - before for before, after in pairwise(times[1:])), default=0.0)
        allowance.require((STEPS + 1 - len(times) + FEWEST) * fastest)

    with closing(course.batches(0)) as batches:
        course.learn(islice(batches, STEPS), advance)
    return times


def _evaluate(course: Course, val: Sequence[Sample], recipe: Recipe, folder: Path, entry: Epoch) -> None:
    """Does what follows the steps of an epoch."""
    state, config = course.state, course.config
    if validate(state, val, config, recipe, folder / MODEL, entry, course.skipped):
        val_loss(state.trained, val, config, course.objective, recipe.crop_size, course.skipped)
    state.save(folder / STATE, recipe.epochs)


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
