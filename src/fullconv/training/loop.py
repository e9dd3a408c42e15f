"""One step and one epoch; everything used is an argument."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.swa_utils import AveragedModel

Loss = Callable[[Tensor, Tensor], Tensor]
Batch = tuple[Tensor, Tensor]


def train_step(
    model: nn.Module,
    loss: Loss,
    batch: Batch,
    optimiser: Optimizer,
    schedule: LRScheduler,
    accelerator: Accelerator,
    clip: float,
) -> float:
    """Forward, backward, update; gives the loss. batch: images (N, 3, H, W) uint8 and labels (N, H, W)."""
    images, labels = batch
    with accelerator.autocast():
        scores = model(images.contiguous(memory_format=torch.channels_last))
    value = loss(scores, labels)
    accelerator.backward(value)
    if clip:
        accelerator.clip_grad_norm_(model.parameters(), clip)
    optimiser.step()
    schedule.step()
    optimiser.zero_grad()
    return value.item()


def train_epoch(
    model: nn.Module,
    average: AveragedModel | None,
    loss: Loss,
    optimiser: Optimizer,
    schedule: LRScheduler,
    accelerator: Accelerator,
    batches: Iterable[Batch],
    clip: float,
    advance: Callable[[float], None],
) -> float:
    """Every batch once; gives the mean loss and tells `advance` each one. `average` follows the parameters."""
    model.train()
    losses = []
    for batch in batches:
        losses.append(train_step(model, loss, batch, optimiser, schedule, accelerator, clip))
        if average is not None:
            average.update_parameters(accelerator.unwrap_model(model))
        advance(losses[-1])
    return sum(losses) / max(len(losses), 1)
