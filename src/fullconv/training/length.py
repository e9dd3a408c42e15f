"""How long a run is where nobody says: small sets need as many steps as larger ones, in smaller batches."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from math import ceil, sqrt

from fullconv.errors import FullconvError
from fullconv.training.recipe import Recipe
from fullconv.words import counted

STEPS = 800  # at least, where nothing else is asked for
PASSES = 20  # over the pictures, at least
EVALUATIONS = 20  # on val, and states to go on from
BATCHES = ((64, 4), (256, 8))  # up to so many pictures: the pictures a step; of more, the recipe's own
SMALLEST = 64  # pixels: the side of a crop
UNITS = {"s": 1, "m": 60, "h": 3600}


def seconds_of(time: str | float) -> float:
    """ "90s", "10m", "1.5h", or a number of seconds."""
    found = re.fullmatch(r"(\d+\.?\d*)\s*([smh]?)", str(time).strip().lower())
    if not found or float(found[1]) <= 0:
        raise FullconvError(f"time {time!r}: give seconds, minutes or hours, such as 90s, 10m or 1.5h")
    return float(found[1]) * UNITS.get(found[2], 1)


def fitted(recipe: Recipe, given: Collection[str], pictures: int, size: tuple[int, int]) -> Recipe:
    """Batch, crop and learning rate for so many pictures of about that size (height, width), unless they are `given`.

    The learning rate follows the root of the batch, as Adam's noise does (arXiv 2205.10287).
    """
    fits: dict[str, int | float] = {}
    if "batch_size" not in given:
        fits["batch_size"] = next((batch for most, batch in BATCHES if pictures <= most), recipe.batch_size)
    if "crop_size" not in given and recipe.crop_size:
        fits["crop_size"] = min(recipe.crop_size, max(SMALLEST, 32 * ceil(max(size) / 32)))
    if "lr" not in given:
        fits["lr"] = recipe.lr * sqrt(fits.get("batch_size", recipe.batch_size) / recipe.batch_size)
    return replace(recipe, **fits)  # type: ignore[arg-type]


def steps_for(recipe: Recipe, pictures: int) -> int:
    """The number of steps of a run of no given length."""
    return max(STEPS, PASSES * ceil(pictures / recipe.batch_size))


def spread(recipe: Recipe, steps: int, pictures: float, epochs: int = EVALUATIONS) -> Recipe:
    """So many steps in so many epochs, each of which shows pictures as often as that takes."""
    epochs = max(1, min(epochs, steps))
    return replace(recipe, epochs=epochs, repeat=max(1, steps // epochs) * recipe.batch_size / pictures)


def told_length(recipe: Recipe, pictures: int) -> str:
    """What was chosen, in one line."""
    steps = recipe.epochs * ceil(int(recipe.repeat * pictures + 1e-6) / recipe.batch_size)
    return (
        f"{counted(steps, 'step')} of {counted(recipe.batch_size, 'picture')} in crops of {recipe.crop_size}, "
        f"learning rate {recipe.lr:.2g}, {counted(recipe.epochs, 'evaluation')}"
    )
