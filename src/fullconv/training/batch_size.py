"""Finds the largest batch that fits in a GPU's memory by trial: real steps on the run's own data, then discarded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from fullconv.errors import FullconvError, argument
from fullconv.files import hidden_folder
from fullconv.logger import logger, muted
from fullconv.models.network import Network
from fullconv.training.manifest import Sources
from fullconv.training.pictures import SKIPPED, Skipped
from fullconv.training.processes import rank_and_count
from fullconv.training.recipe import Recipe
from fullconv.training.run import Course
from fullconv.training.start import Prepared, config_of, start_model

FOLDER = "trial"
SMALLEST, LARGEST = 2, 256  # pictures per step
FILLED = 0.9  # of the GPU's memory at most; pictures of other sizes and evaluations need the rest


def largest_batch(prepared: Prepared, sources: Sources, recipe: Recipe, out: Path) -> int:
    """The largest power of two that fits. Raises FullconvError if not even the smallest does."""
    if rank_and_count()[1] > 1:
        raise FullconvError(f"{argument('batch_size', 'auto')}: works in one process only; give a number")
    with hidden_folder(out / FOLDER) as folder, muted():
        model = start_model(config_of(prepared, recipe), recipe.pretrained, sources)
        batch = largest(partial(fits, model, prepared, recipe, folder))
    if not batch:
        crops = f"{SMALLEST} crops of {recipe.crop_size} pixels"
        raise FullconvError(f"the GPU does not hold {crops}; give a smaller {argument('crop_size')}")
    logger.info(f"the GPU holds {batch} crops of {recipe.crop_size} pixels a step")
    return batch


def largest(fits: Callable[[int], bool]) -> int:
    """The largest power of two, from SMALLEST to LARGEST, up to which all fit; 0 if none does."""
    batch = SMALLEST
    while batch <= LARGEST and fits(batch):
        batch *= 2
    return batch // 2 if batch > SMALLEST else 0


def fits(model: Network, prepared: Prepared, recipe: Recipe, folder: Path, batch: int) -> bool:
    """Whether two steps of this batch size leave some GPU memory free. The optimiser's state is created in the first
    step."""
    torch.cuda.reset_peak_memory_stats()
    try:
        two_steps(model, prepared, replace(recipe, batch_size=batch), folder)
    except torch.OutOfMemoryError:
        return False
    finally:
        torch.cuda.empty_cache()
    return torch.cuda.max_memory_reserved() <= FILLED * torch.cuda.mem_get_info()[1]


def two_steps(model: Network, prepared: Prepared, recipe: Recipe, folder: Path) -> None:
    pictures = len(prepared.dataset.split(recipe.train_split))
    recipe = replace(recipe, epochs=1, repeat=2 * recipe.batch_size / pictures)
    config = config_of(prepared, recipe)
    course = Course(model, prepared.dataset, config, recipe, Skipped(folder / SKIPPED), prepared.teacher)
    course.learn(course.batches(0), lambda loss: None)
