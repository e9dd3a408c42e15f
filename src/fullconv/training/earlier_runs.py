"""What a run takes over from an earlier one that it resumes or repeats: its recipe, its teacher, its weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fullconv.errors import FullconvError, argument
from fullconv.training.folds import folder_of
from fullconv.training.recipe import Recipe, check_recipe, from_values
from fullconv.training.reproduction import sources_of
from fullconv.training.run_folder import LOG, MANIFEST, RECIPE, STATE, TEACHER
from fullconv.words import pasted


def recipe_of(out: Path, **changes: Any) -> Recipe:
    """Returns the recipe that a run was started with. Raises FullconvError if `changes` would alter it."""
    if not (out / RECIPE).is_file():
        raise no_run_in(out)
    recipe = from_values(json.loads((out / RECIPE).read_text()))
    for key, value in check_recipe({key: value for key, value in changes.items() if value is not None}).items():
        if replace(recipe, **{key: value}) != recipe:
            raise FullconvError(f"{out}: was started with {key} {getattr(recipe, key)}, and its recipe cannot change")
    return recipe


def resumed_recipe(out: Path, changes: Mapping[str, Any]) -> Recipe:
    """Returns the recipe of a resumed run, with more epochs if requested. It then does not stop early, as if they had
    been given at the start."""
    others = {key: value for key, value in changes.items() if key != "epochs"}
    recipe, epochs = recipe_of(out, **others), changes.get("epochs")
    if epochs is not None and epochs < recipe.epochs and not recipe.staged:
        raise FullconvError(
            f"{out}: was started with epochs {recipe.epochs}, and this number can only grow; "
            f"give more than {recipe.epochs}, or leave {argument('epochs')} out"
        )
    if epochs is None or epochs <= recipe.epochs or recipe.staged:
        return recipe_of(out, **changes)
    return replace(recipe, epochs=epochs, patience=0)


def teacher_of(out: Path) -> Path | None:
    """Returns the teacher of a run that was begun."""
    return sources_of(out).teacher if (out / MANIFEST).is_file() else None


def used_default_weights(earlier: Path) -> bool:
    """Whether an earlier run started from the default weights."""
    return (earlier / MANIFEST).is_file() and sources_of(earlier).by_default


def has_begun(out: Path) -> bool:
    """Whether the run in this folder can be resumed or repeated without its command."""
    return (out / MANIFEST).is_file() or (out / STATE).is_file()  # earlier versions wrote no manifest


def no_run_in(out: Path) -> FullconvError:
    """Returns the error for a folder that cannot be resumed or repeated, which says what to do instead."""
    if folder_of(out, 1).is_dir():
        return FullconvError(
            f"{out}: a run in folds; to continue it, run its command again; to repeat a fold, give {folder_of(out, 1)}"
        )
    if (out / RECIPE).is_file() or (out / TEACHER).is_dir():
        return FullconvError(f"{out}: was stopped before training began; run its command again, without --resume")
    return FullconvError(f"{out}: no run found; --resume and --from need the folder of an earlier run")


def refuse_run_in(out: Path) -> None:
    if any((folder / LOG).exists() for folder in (out, *out.glob("*/"))):
        raise FullconvError(
            f"{out}: already contains a run; choose another --out, or continue with --resume {pasted(out)}"
        )
