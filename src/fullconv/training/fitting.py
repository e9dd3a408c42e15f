"""Chooses the recipe values that were not given, from the pictures and the available time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

import torch

from fullconv.errors import FullconvError, argument
from fullconv.logger import logger, muted
from fullconv.training.batch_size import largest_batch
from fullconv.training.length import enough, fitted, spread, steps_for, with_batch, with_new_scores
from fullconv.training.manifest import Sources
from fullconv.training.processes import rank_and_count
from fullconv.training.recipe import Recipe
from fullconv.training.start import Prepared, architecture_of, choose_longest_side, config_of, start_model
from fullconv.training.trial import Allowance, End, measure, within
from fullconv.training.weighting import weights_if_rare
from fullconv.view import size_with_side
from fullconv.weights.model_files import read_config
from fullconv.weights.model_folder import find_model

SEEN_FROM_ABOVE = 0.75  # share of pictures that are turned, if they lie on the ground: no side is up, all turns alike
PATIENCE = 10  # evaluations without improvement that end a run without a given length: half of all


def deadline(
    time: str | float | None, began: float | None, changes: Mapping[str, Any], is_earlier: bool
) -> float | None:
    """Returns the reading of the monotonic clock at which the time is over."""
    if time is None:
        return None
    if is_earlier:
        raise FullconvError(
            f"{argument('time')}: only for new runs; give {argument('epochs')} to train an earlier one for longer"
        )
    if changes.get("epochs") is not None:
        raise FullconvError(f"{argument('time')}: the number of epochs is given as well; remove one of the two")
    return (monotonic() if began is None else began) + enough(time)


def with_length(
    recipe: Recipe,
    given: Collection[str],
    prepared: Prepared,
    sources: Sources,
    out: Path,
    until: float | None,
    end: End,
) -> Recipe:
    """Returns the recipe with the values that were not given fitted to the pictures, and to the time if it is
    limited."""
    found = prepared.survey
    side = choose_longest_side(recipe, found)[0]
    size = found.size if side is None or max(found.size) <= side else size_with_side(found.size, side)
    if found.on_the_ground and "turn" not in given:
        recipe = replace(recipe, turn=SEEN_FROM_ABOVE)
    asks_for_most = not recipe.batch_size
    recipe = fitted(recipe, given, len(found.samples), size)
    if "class_weights" not in given and (weights := weights_if_rare(found.pixels)):
        recipe = replace(recipe, class_weights=weights)
    if asks_for_most and torch.cuda.is_available():
        recipe = with_batch(recipe, largest_batch(prepared, sources, recipe, out), given)
    if has_new_scores(recipe, prepared, sources):
        recipe = with_new_scores(recipe, given)
    if until is not None:
        recipe = fit_to_time(recipe, prepared, sources, out, until, end)
    elif not {"epochs", "repeat"} & set(given):
        recipe = spread(recipe, steps_for(recipe, len(found.samples)), pictures_per_epoch(prepared, recipe))
        recipe = recipe if "patience" in given else replace(recipe, patience=PATIENCE)
    return recipe


def has_new_scores(recipe: Recipe, prepared: Prepared, sources: Sources) -> bool:
    """Whether an FCN takes a trained trunk over, but no scores of these classes."""
    architecture = architecture_of(recipe)[0]
    if architecture.family != "fcn" or architecture.alignment != "same":
        return False
    if sources.weights:
        model = read_config(find_model(sources.weights))
        return model.architecture.trunk == architecture.trunk and model.classes.names != prepared.dataset.classes.names
    return bool(sources.trunk_weights or recipe.pretrained)


def pictures_per_epoch(prepared: Prepared, recipe: Recipe) -> float:
    """Returns the number of pictures that an epoch shows if it shows each labelled one once."""
    labelled, unlabelled = len(prepared.survey.samples), prepared.dataset.unlabelled
    return labelled / (1 - recipe.unlabelled_share) if unlabelled else labelled


def fit_to_time(recipe: Recipe, prepared: Prepared, sources: Sources, out: Path, until: float, end: End) -> Recipe:
    """Returns the recipe with as many steps as fit the time, by a trial on the run's own data."""
    if recipe.staged or rank_and_count()[1] > 1:
        raise FullconvError("time only works for one net in one process; give epochs instead")
    allowance, config = Allowance(monotonic(), until), config_of(prepared, recipe)
    if allowance.began >= until:
        raise FullconvError(
            "the time is too short: reading the pictures already took all of it; "
            f"make {argument('time')} several times as long"
        )
    with muted():
        model = start_model(config, recipe.pretrained, sources)
    pace = measure(model, prepared, config, recipe, out, end, allowance)
    logger.info(f"trial: {pace.step:.2g} s a step, {pace.epoch:.2g} s an evaluation, {pace.end:.2g} s at the end")
    now = monotonic()
    return within(recipe, pace, until - now, pictures_per_epoch(prepared, recipe), spent=now - allowance.began)
