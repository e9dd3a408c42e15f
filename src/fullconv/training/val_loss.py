"""The loss on pictures that are not used for training, to be compared with the training loss."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from fullconv.data.dataset import Sample
from fullconv.models.config import ModelConfig
from fullconv.models.network import Network
from fullconv.training.objective import Objective
from fullconv.training.pictures import Read, Skipped, TrainingPicture

MOST = 16  # pictures at most, at equal distances; a curve does not need more


@torch.no_grad()
def val_loss(
    network: Network, val: Sequence[Sample], config: ModelConfig, objective: Objective, side: int, skipped: Skipped
) -> float | None:
    """Returns the mean loss over the centres of some pictures, at most `side` pixels wide and high; 0 means whole
    pictures.

    There are no random changes, so it is lower than the loss in training would be. None if nothing is labelled there.
    """
    device, was_training = next(network.parameters()).device, network.training
    network.eval()
    losses = []
    for sample in chosen(val):
        read = middle(TrainingPicture(sample, config, skipped).read(), side)
        images, labels = read.image[None].to(device), read.labels[None].long().to(device)
        cut = objective.stride // 2
        coarse = labels[:, cut :: objective.stride, cut :: objective.stride]
        if (coarse != config.classes.void).any():
            scores = network(images, enlarged=objective.stride == 1)
            losses.append(objective.labels(scores[..., : coarse.shape[1], : coarse.shape[2]], coarse).item())
    network.train(was_training)
    return sum(losses) / len(losses) if losses else None


def chosen(val: Sequence[Sample]) -> list[Sample]:
    count = min(MOST, len(val))
    return [val[i * len(val) // count] for i in range(count)]


def middle(read: Read, side: int) -> Read:
    """Returns the centre of a picture (C, H, W), at most `side` pixels wide and high."""
    height, width = read.labels.shape
    tall, wide = min(height, side or height), min(width, side or width)
    top, left = (height - tall) // 2, (width - wide) // 2
    rows, columns = slice(top, top + tall), slice(left, left + wide)
    return Read(read.image[:, rows, columns], read.labels[rows, columns], None)
