"""How a run begins: as a new run, as a repetition of another, or where it was stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fullconv.training.earlier_runs import recipe_of, resumed_recipe, teacher_of, used_default_weights
from fullconv.training.inheritance import default_weights, with_inherited
from fullconv.training.recipe import Recipe, read_recipe


@dataclass(frozen=True)
class Beginning:
    """What a run begins with. `recipe` is not yet fitted to the pictures if the run is new.

    by_default: the user did not name `weights`. teacher: a model, a run in folds, or a folder of scores.
    is_taught: this teacher has seen all pictures before, so it need not be there any more.
    """

    recipe: Recipe
    weights: Path | None
    by_default: bool
    teacher: Path | None
    is_taught: bool = False


def new(
    recipe: Path | None, weights: Path | None, trunk_weights: Path | None, teacher: Path | None, keys: dict[str, Any]
) -> Beginning:
    """A run with the recipe file `recipe`, some of whose keys are overridden."""
    by_default = not (weights or trunk_weights)
    start = default_weights(keys, recipe) if by_default else weights
    return Beginning(read_recipe(recipe, **with_inherited(keys, recipe, start)), start, by_default, teacher)


def repeated(earlier: Path, weights: Path | None, teacher: Path | None, keys: dict[str, Any]) -> Beginning:
    """A run with the recipe of the run in `earlier`. Raises FullconvError if a key would change it."""
    return Beginning(recipe_of(earlier, **keys), weights, used_default_weights(earlier), teacher)


def resumed(out: Path, weights: Path | None, teacher: Path | None, keys: Mapping[str, Any]) -> Beginning:
    """The run in `out`, continued. Raises FullconvError if a key other than `epochs` would change its recipe."""
    earlier = teacher_of(out)
    is_taught = teacher is None or teacher == earlier
    return Beginning(resumed_recipe(out, keys), weights, used_default_weights(out), teacher or earlier, is_taught)
