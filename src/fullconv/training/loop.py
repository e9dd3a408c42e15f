"""One step and one epoch of training. Everything they use is an argument."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from accelerate import Accelerator
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.swa_utils import AveragedModel

from fullconv.training.depthwise import float32_gradients
from fullconv.training.divergence import check_loss
from fullconv.training.objective import MicroBatch, Objective

Batch = Sequence[MicroBatch]  # the pictures of one step, in as many parts as memory requires


def train_step(
    model: nn.Module,
    objective: Objective,
    batch: Batch,
    optimiser: Optimizer,
    schedule: LRScheduler,
    accelerator: Accelerator,
    clip: float,
) -> float:
    """Runs forward and backward for each part, and one update. Returns the loss. A batch without labels changes
    nothing."""
    batch = [part.to(accelerator.device) for part in batch]
    weights, value = objective.weigh(batch), 0.0
    if sum(weights) > 0:
        for part in batch:
            with accelerator.autocast(), float32_gradients(accelerator):
                images = part.images.contiguous(memory_format=torch.channels_last)
                scores = model(images, enlarged=objective.stride == 1)
            loss = objective(scores, part, weights, len(batch))
            # accelerate averages the gradients, but they should be summed
            accelerator.backward(loss * accelerator.num_processes)
            value += loss.item()
        if clip:
            accelerator.clip_grad_norm_(model.parameters(), clip)
        optimiser.step()
        optimiser.zero_grad()
    schedule.step()
    return value


def train_epoch(
    model: nn.Module,
    average: AveragedModel | None,
    objective: Objective,
    optimiser: Optimizer,
    schedule: LRScheduler,
    accelerator: Accelerator,
    batches: Iterable[Batch],
    clip: float,
    advance: Callable[[float], None],
) -> float:
    """Trains on every batch once and calls `advance` after each. Returns the mean loss. `average` follows the
    parameters.

    Raises Diverged if a loss is not finite.
    """
    losses = []
    for batch in batches:
        losses.append(check_loss(train_step(model, objective, batch, optimiser, schedule, accelerator, clip)))
        if average is not None:
            average.update_parameters(accelerator.unwrap_model(model))
        advance(losses[-1])
    return sum(losses) / max(len(losses), 1)


def begin_training(model: nn.Module, frozen_norms: bool) -> None:
    """Sets training mode. With `frozen_norms`, batch norms keep their statistics (for small batches)."""
    model.train()
    for module in model.modules():
        if frozen_norms and isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()
