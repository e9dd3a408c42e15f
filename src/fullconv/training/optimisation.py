"""Optimiser and schedule."""

from __future__ import annotations

import warnings
from itertools import product
from typing import Any

from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import (
    ConstantLR,
    CosineAnnealingLR,
    LinearLR,
    LRScheduler,
    OneCycleLR,
    PolynomialLR,
    SequentialLR,
)

from fullconv.models.network import Network
from fullconv.training.recipe import Recipe


def build_optimiser(model: Network, recipe: Recipe) -> Optimizer:
    """The trunk, which is usually pretrained, learns at `trunk_lr_factor` of the rate. Biases and norms have no weight
    decay."""
    groups = []
    for inside_trunk, is_kernel in product((True, False), (True, False)):
        parameters = [
            p
            for name, p in model.named_parameters()
            if p.requires_grad and name.startswith("trunk") == inside_trunk and (p.ndim > 1) == is_kernel
        ]
        lr = recipe.lr * (recipe.trunk_lr_factor if inside_trunk else 1) * (1 if is_kernel else recipe.bias_lr_factor)
        decay = recipe.weight_decay if is_kernel else 0.0
        groups.append({"params": parameters, "lr": lr, "weight_decay": decay})
    groups = [group for group in groups if group["params"]]
    if recipe.optimiser == "sgd":
        return SGD(groups, lr=recipe.lr, momentum=recipe.momentum)
    return AdamW(groups, lr=recipe.lr)


def build_schedule(optimiser: Optimizer, recipe: Recipe, steps: int) -> LRScheduler:
    """The rate rises during the first `warm_up` share of `steps`, in whole steps, and then follows the recipe's
    schedule.

    one_cycle rises and falls as a cosine, to nearly zero (arXiv 1708.07120). The others rise linearly: cosine falls to
    zero, poly with the power 0.9 (arXiv 1606.00915), constant stays.
    """
    rising = round(recipe.warm_up * steps)
    falling = max(steps - rising, 1)
    if recipe.schedule == "one_cycle":
        return one_cycle(optimiser, rising, steps)
    then: LRScheduler
    if recipe.schedule == "cosine":
        then = CosineAnnealingLR(optimiser, falling)
    elif recipe.schedule == "poly":
        then = PolynomialLR(optimiser, falling, power=0.9)
    else:
        then = ConstantLR(optimiser, factor=1.0)
    if not rising:
        return then
    return SequentialLR(optimiser, [LinearLR(optimiser, 1 / rising, total_iters=rising), then], milestones=[rising])


def one_cycle(optimiser: Optimizer, rising: int, steps: int) -> LRScheduler:
    """At least one step falls, as torch requires. If only the first step would rise, it starts at the peak, because
    torch would divide by zero."""
    rising = min(rising, steps - 1)
    if rising < 2:
        return CosineAnnealingLR(optimiser, steps)
    peaks = [group["lr"] for group in optimiser.param_groups]
    return OneCycleLR(optimiser, peaks, total_steps=steps, pct_start=rising / steps, cycle_momentum=False)


def advance_schedule(schedule: LRScheduler, optimiser: Optimizer, steps: int) -> list[dict[str, Any]]:
    """Advances a schedule that has just begun by this number of steps. Returns the settings of each group at that
    point."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Detected call of .lr_scheduler.step", category=UserWarning)
        for _ in range(steps):
            schedule.step()
    return [{key: value for key, value in group.items() if key != "params"} for group in optimiser.param_groups]


def rate_now(optimiser: Optimizer, recipe: Recipe) -> float:
    """Returns the recipe's learning rate at this moment. Trunk and biases have their own share of it."""
    peaks = [group.get("max_lr", group["initial_lr"]) for group in optimiser.param_groups]
    group, peak = max(zip(optimiser.param_groups, peaks, strict=True), key=lambda pair: pair[1])
    return float(recipe.lr * group["lr"] / peak)
