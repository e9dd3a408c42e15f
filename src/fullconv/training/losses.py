"""The losses of training. Void never counts; a batch that is all void gives zero, not NaN.

Sums over pixels cover all processes, so the loss is that of the whole batch, however it is divided.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fullconv.training.processes import over_processes


@dataclass(frozen=True)
class SegmentationLoss:
    """Cross-entropy plus `dice` Dice and `lovasz` Lovász losses of scores (N, C, H, W) and labels (N, H, W).

    `weights` (C): weight of a pixel of each class. `total`: the sum over pixels, as in the paper, not their mean.
    `focal`: exponent that reduces the weight of pixels that are already right (arXiv 1708.02002). `hardest`: share of
    the labelled pixels that count, those with the largest loss (arXiv 1604.03540), in each process and each part of a
    batch.
    """

    void: int = 255
    weights: Tensor | None = None
    total: bool = False
    focal: float = 0.0
    hardest: float = 1.0
    dice: float = 0.0
    lovasz: float = 0.0

    def weight_of(self, labels: Tensor) -> Tensor:
        """Returns the weight of the labelled pixels of a whole batch in all processes, by which cross-entropy is
        divided."""
        weights = self.pixel_weights(labels).sum() * self.hardest
        return over_processes(weights)

    def __call__(self, scores: Tensor, labels: Tensor, weight: Tensor | None = None, parts: int = 1) -> Tensor:
        """Returns the loss of one of `parts` of a batch whose labelled pixels have `weight`. Together they give that of
        the batch."""
        weight = self.weight_of(labels) if weight is None else weight
        log_probabilities = scores.float().log_softmax(1)
        pixels = over_processes(self.cross_entropy(log_probabilities, labels))
        loss = pixels if self.total else pixels / weight.clamp(min=1e-6)
        if self.dice:
            loss = loss + self.dice / parts * dice_loss(log_probabilities.exp(), labels, self.void)
        if self.lovasz:
            loss = loss + self.lovasz / parts * lovasz_loss(log_probabilities.exp(), labels, self.void)
        return loss

    def cross_entropy(self, log_probabilities: Tensor, labels: Tensor) -> Tensor:
        """Returns the sum over the pixels that count."""
        known = labels != self.void
        log_p = log_probabilities.gather(1, labels.where(known, 0).unsqueeze(1)).squeeze(1)  # (N, H, W)
        each = -log_p * self.pixel_weights(labels)
        if self.focal:
            each = each * (1 - log_p.exp()).clamp(min=0) ** self.focal
        if self.hardest < 1:
            each = each[known].topk(round(self.hardest * int(known.sum()))).values
        return each.sum()

    def pixel_weights(self, labels: Tensor) -> Tensor:
        """(N, H, W): each pixel's weight, zero for void."""
        known = labels != self.void
        if self.weights is None:
            return known.float()
        return self.weights.to(labels.device)[labels.where(known, 0)] * known


def dice_loss(probabilities: Tensor, labels: Tensor, void: int) -> Tensor:
    """1 - Dice (arXiv 1606.04797), averaged over the classes in the batch."""
    known = (labels != void).unsqueeze(1)
    target = torch.zeros_like(probabilities).scatter_(1, labels.where(known[:, 0], 0).unsqueeze(1), 1.0) * known
    probabilities = probabilities * known
    overlap, total, truth = over_processes(
        torch.stack([(x).sum((0, 2, 3)) for x in (probabilities * target, probabilities + target, target)])
    )
    present = truth > 0
    dice = 2 * overlap / total.clamp(min=1)
    return ((1 - dice) * present).sum() / present.sum().clamp(min=1)


def lovasz_loss(probabilities: Tensor, labels: Tensor, void: int) -> Tensor:
    """The Lovász extension of 1 - IoU (arXiv 1705.08790), averaged over the classes in this process's part.

    Each class sorts every pixel of the batch, which on a CPU takes a considerable share of a step.
    """
    known = labels != void
    by_class = probabilities.movedim(1, 0)[:, known]  # (C, pixels)
    targets = [(labels[known] == c).float() for c in range(len(by_class))]
    losses = [extended_jaccard((t - p).abs(), t) for p, t in zip(by_class, targets, strict=True) if t.any()]
    return torch.stack(losses).mean() if losses else probabilities.sum() * 0


def extended_jaccard(errors: Tensor, target: Tensor) -> Tensor:
    """errors (pixels) of 0–1 and the binary truth → Σ errorᵢ · (increase of 1 - IoU by pixel i, in order of decreasing
    error)."""
    errors, order = errors.sort(descending=True)
    target = target[order]
    missed, added = target.cumsum(0), (1 - target).cumsum(0)
    jaccard = 1 - (target.sum() - missed) / (target.sum() + added)  # 1 - IoU with the first i pixels wrong
    return errors @ jaccard.diff(prepend=jaccard.new_zeros(1))
