"""What training minimises. Void never counts; a batch of nothing but void gives zero, not NaN."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def segmentation_loss(scores: Tensor, labels: Tensor, void: int, dice: float, lovasz: float = 0.0) -> Tensor:
    """Mean cross-entropy over labelled pixels plus `dice` Dice and `lovasz` Lovász losses.

    scores (N, C, H, W), labels (N, H, W) of class indices or `void`.
    """
    log_probabilities = scores.float().log_softmax(1)
    labelled = (labels != void).sum().clamp(min=1)
    loss = F.nll_loss(log_probabilities, labels, ignore_index=void, reduction="sum") / labelled
    if dice:
        loss = loss + dice * dice_loss(log_probabilities.exp(), labels, void)
    if lovasz:
        loss = loss + lovasz * lovasz_loss(log_probabilities.exp(), labels, void)
    return loss


def dice_loss(probabilities: Tensor, labels: Tensor, void: int) -> Tensor:
    """1 - Dice (arXiv 1606.04797), averaged over the classes that the batch holds."""
    known = (labels != void).unsqueeze(1)
    target = torch.zeros_like(probabilities).scatter_(1, labels.where(known[:, 0], 0).unsqueeze(1), 1.0) * known
    probabilities = probabilities * known
    overlap, total = (probabilities * target).sum((0, 2, 3)), (probabilities + target).sum((0, 2, 3))
    present = target.sum((0, 2, 3)) > 0
    dice = 2 * overlap / total.clamp(min=1)
    return ((1 - dice) * present).sum() / present.sum().clamp(min=1)


def lovasz_loss(probabilities: Tensor, labels: Tensor, void: int) -> Tensor:
    """The Lovász extension of 1 - IoU (arXiv 1705.08790), averaged over the classes that the batch holds.

    Each class sorts every pixel of the batch: on a CPU this costs a good part of a step.
    """
    known = labels != void
    by_class = probabilities.movedim(1, 0)[:, known]  # (C, pixels)
    targets = [(labels[known] == c).float() for c in range(len(by_class))]
    losses = [extended_jaccard((t - p).abs(), t) for p, t in zip(by_class, targets, strict=True) if t.any()]
    return torch.stack(losses).mean() if losses else probabilities.sum() * 0


def extended_jaccard(errors: Tensor, target: Tensor) -> Tensor:
    """errors (pixels) of 0–1 and the binary truth → Σ errorᵢ · (what pixel i, taken i-th by error, adds to 1 - IoU)."""
    errors, order = errors.sort(descending=True)
    target = target[order]
    missed, added = target.cumsum(0), (1 - target).cumsum(0)
    jaccard = 1 - (target.sum() - missed) / (target.sum() + added)  # 1 - IoU with the first i pixels wrong
    return errors @ jaccard.diff(prepend=jaccard.new_zeros(1))
