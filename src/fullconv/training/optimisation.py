"""Optimiser and schedule."""

from __future__ import annotations

from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR

from fullconv.models.network import Network
from fullconv.training.recipe import Recipe


def build_optimiser(model: Network, recipe: Recipe) -> Optimizer:
    """The trunk, which comes trained, learns at `trunk_lr_factor` of the rate; biases and norms do not decay."""
    groups = []
    for inside_trunk, factor in ((True, recipe.trunk_lr_factor), (False, 1.0)):
        named = [
            (n, p) for n, p in model.named_parameters() if p.requires_grad and n.startswith("trunk") == inside_trunk
        ]
        for is_kernel, decay in ((True, recipe.weight_decay), (False, 0.0)):
            parameters = [p for _, p in named if (p.ndim > 1) == is_kernel]
            groups.append({"params": parameters, "lr": recipe.lr * factor, "weight_decay": decay})
    groups = [group for group in groups if group["params"]]
    if recipe.optimiser == "sgd":
        return SGD(groups, lr=recipe.lr, momentum=0.9)
    return AdamW(groups, lr=recipe.lr)


def build_schedule(optimiser: Optimizer, recipe: Recipe, steps: int) -> LRScheduler:
    """One cycle (arXiv 1708.07120): up over the first `warm_up` share of `steps`, then a cosine down to nearly zero."""
    peaks = [group["lr"] for group in optimiser.param_groups]
    return OneCycleLR(optimiser, peaks, total_steps=steps, pct_start=recipe.warm_up, cycle_momentum=False)
