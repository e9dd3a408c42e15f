"""The length of a run if none is given: small sets need as many steps as larger ones, in smaller batches."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from math import ceil, sqrt

from fullconv.errors import UnknownValue, argument
from fullconv.training.recipe import Recipe
from fullconv.words import counted

STEPS = 800  # minimum, if nothing else is requested
PASSES = 20  # minimum passes over the pictures
EVALUATIONS = 20  # evaluations on val, each with a saved state
BATCHES = ((64, 4), (256, 8))  # (at most this number of pictures, pictures per step); for more, the recipe's own value
SMALLEST = 64  # side of a crop in pixels
SCORES_LR = 4e-3  # peak learning rate of new scores over a trained trunk
TRUNK_FACTOR = 0.1  # the trunk's rate relative to it
SHORTEST = 20  # seconds; ten pictures with three evaluations take 30 on one core, mostly to load and write the model
UNITS = {"s": 1, "m": 60, "h": 3600}


def seconds_of(time: str | float) -> float:
    """Returns the seconds in "90s", "10m", "1.5h", or in a number of seconds."""
    found = re.fullmatch(r"(\d+\.?\d*)\s*([smh]?)", str(time).strip().lower())
    if not found or float(found[1]) <= 0:
        raise UnknownValue(f"time {time!r}: give seconds, minutes or hours, such as 90s, 10m or 1.5h")
    return float(found[1]) * UNITS.get(found[2], 1)


def enough(time: str | float, runs: int = 1) -> float:
    """Returns the seconds in `time`. Raises UnknownValue if no pictures are so few that these runs would fit."""
    seconds = seconds_of(time)
    if seconds < SHORTEST * runs:
        raise UnknownValue(
            f"{argument('time', time)}: {counted(round(seconds), 'second')} is too short for "
            f"{'any run' if runs == 1 else f'{runs} runs'}; give more, such as 10m or 1.5h"
        )
    return seconds


def fitted(recipe: Recipe, given: Collection[str], pictures: int, size: tuple[int, int]) -> Recipe:
    """Returns the recipe with batch, crop and learning rate for this number of pictures of about this size (height,
    width), unless they are `given`."""
    crop = recipe.crop_size
    if "crop_size" not in given and crop:
        crop = min(crop, max(SMALLEST, 32 * ceil(max(size) / 32)))
    recipe = replace(recipe, crop_size=crop)
    if "batch_size" in given and recipe.batch_size:
        return recipe
    usual = recipe.batch_size or Recipe.batch_size
    batch = next((batch for most, batch in BATCHES if pictures <= most), usual)
    return with_batch(replace(recipe, batch_size=usual), batch, given)


def with_new_scores(recipe: Recipe, given: Collection[str]) -> Recipe:
    """Returns the recipe with the rates for new score layers over a trained trunk, unless a rate is `given`. The scores
    start at zero and grow by about one rate per step, so at the usual rate a short run ends before they matter
    (docs/training.md has the measurements)."""
    if "lr" in given:
        return recipe
    factor = recipe.trunk_lr_factor if "trunk_lr_factor" in given else TRUNK_FACTOR
    return replace(recipe, lr=SCORES_LR, trunk_lr_factor=factor)


def with_batch(recipe: Recipe, batch: int, given: Collection[str]) -> Recipe:
    """Returns the recipe with this number of pictures per step. Unless it is `given`, the learning rate grows with the
    square root of the batch, like the noise of Adam (arXiv 2205.10287)."""
    lr = recipe.lr if "lr" in given else recipe.lr * sqrt(batch / recipe.batch_size)
    return replace(recipe, batch_size=batch, lr=lr)


def steps_for(recipe: Recipe, pictures: int) -> int:
    """Returns the number of steps of a run without a given length."""
    return max(STEPS, PASSES * ceil(pictures / recipe.batch_size))


def spread(recipe: Recipe, steps: int, pictures: float, epochs: int = EVALUATIONS) -> Recipe:
    """Returns the recipe with this number of steps in this number of epochs. Each shows pictures as often as needed."""
    epochs = max(1, min(epochs, steps))
    return replace(recipe, epochs=epochs, repeat=max(1, steps // epochs) * recipe.batch_size / pictures)


def length_summary(recipe: Recipe, pictures: int) -> str:
    """Describes the chosen values in one line."""
    steps = recipe.epochs * ceil(int(recipe.repeat * pictures + 1e-6) / recipe.batch_size)
    evaluations = ceil(recipe.epochs / recipe.evaluate_every)  # the last epoch is always evaluated
    return (
        f"{counted(steps, 'step')} of {counted(recipe.batch_size, 'picture')} in crops of {recipe.crop_size}, "
        f"learning rate {recipe.lr:.2g}, {counted(evaluations, 'evaluation')}"
    )
