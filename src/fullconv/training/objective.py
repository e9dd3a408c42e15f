"""What a step minimises: the loss on labelled pixels, plus the distance from a teacher if there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from fullconv.training.distillation import Divergence
from fullconv.training.losses import SegmentationLoss


class MicroBatch(NamedTuple):
    """Some pictures of a batch. A batch has as many parts as memory requires."""

    images: Tensor  # (N, C, H, W)
    labels: Tensor  # (N, H, W)
    taught: Tensor | None = None  # (N, classes, h, w): the teacher's probabilities

    def to(self, device: torch.device) -> MicroBatch:
        taught = None if self.taught is None else self.taught.to(device)
        return MicroBatch(self.images.to(device), self.labels.to(device), taught)


class Weights(NamedTuple):
    """Totals of a whole batch in all processes: the weight of its labelled pixels, and the cells with a teacher."""

    labels: Tensor
    cells: Tensor


@dataclass(frozen=True)
class Objective:
    """`stride`: pixels between the scores that are compared with labels; 1 means that they have been enlarged."""

    labels: SegmentationLoss
    teacher: Divergence | None = None
    stride: int = 1

    def weigh(self, batch: Sequence[MicroBatch]) -> Weights:
        labels = self.labels.weight_of(torch.cat([self.labels_of(part).flatten() for part in batch]))
        cells = labels.new_zeros(())
        for part in batch:
            if self.teacher and part.taught is not None:
                cells = cells + self.teacher.cells_of(part.taught, part.labels)
        return Weights(labels, cells)

    def __call__(self, scores: Tensor, part: MicroBatch, weights: Weights, parts: int) -> Tensor:
        """Returns the loss of one of `parts` of a batch with these weights. Together they give the loss of the
        batch."""
        labels = self.labels_of(part)
        scores = scores[..., : labels.shape[1], : labels.shape[2]]
        loss = self.labels(scores, labels, weights.labels, parts)
        if self.teacher and part.taught is not None:
            loss = loss + self.teacher(scores, part.taught, part.labels, weights.cells)
        return loss

    def labels_of(self, part: MicroBatch) -> Tensor:
        """(N, h, w): the label of the pixel below and to the right of the centre of each cell of `stride` pixels."""
        middle = self.stride // 2
        return part.labels[:, middle :: self.stride, middle :: self.stride]
