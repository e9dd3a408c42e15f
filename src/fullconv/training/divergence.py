"""Ends a run with an error when its numbers are no longer finite. The model saved before stays as it is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torch import Tensor, nn

from fullconv.errors import FullconvError
from fullconv.training.recipe import Recipe
from fullconv.weights.checkpoint import not_finite


class Diverged(FullconvError):
    """The loss or the parameters are not finite."""


def check_loss(loss: float) -> float:
    """Returns the loss of a step. Raises Diverged if it is not finite."""
    if not math.isfinite(loss):
        raise Diverged(f"the loss is {loss}")
    return loss


def check_parameters(*models: nn.Module) -> None:
    """Raises Diverged if a model cannot be stored: no loss follows the last step of an epoch."""
    for model in models:
        state: dict[str, Tensor] = model.state_dict()
        for name in not_finite(state):
            raise Diverged(f"{name.removeprefix('module.')} contains numbers that are not finite or too large")


@contextmanager
def explain_divergence(epoch: int, recipe: Recipe, model: Path) -> Iterator[None]:
    """Adds to the error the epoch, what is kept, and what to try."""
    try:
        yield
    except Diverged as error:
        kept = f"the best model so far is saved in {model}" if model.exists() else "no epoch was saved"
        raise Diverged(f"epoch {epoch}: {error}; {kept}; {remedies(recipe)}, in a new folder") from None


def remedies(recipe: Recipe) -> str:
    """Suggests remedies that the recipe does not use yet."""
    found = [f"a smaller learning rate (lr is {recipe.lr:g})"]
    found += ["clip: 1 in the recipe"] * (not 0 < recipe.clip <= 1)
    found += ["pixels: mean"] * (recipe.pixels == "total")
    found += ["precision fp32"] * (recipe.precision != "fp32")
    return f"try {', '.join(found[:-1])} or {found[-1]}" if len(found) > 1 else f"try {found[0]}"
