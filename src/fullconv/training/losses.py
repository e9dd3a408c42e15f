"""What training minimises. Void never counts; a batch of nothing but void gives zero, not NaN."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def segmentation_loss(scores: Tensor, labels: Tensor, void: int, dice: float) -> Tensor:
    """Mean cross-entropy over labelled pixels plus `dice` Dice losses; scores (N, C, H, W), labels (N, H, W)."""
    log_probabilities = scores.float().log_softmax(1)
    labelled = (labels != void).sum().clamp(min=1)
    loss = F.nll_loss(log_probabilities, labels, ignore_index=void, reduction="sum") / labelled
    return loss + dice * dice_loss(log_probabilities.exp(), labels, void) if dice else loss


def dice_loss(probabilities: Tensor, labels: Tensor, void: int) -> Tensor:
    """1 - Dice (arXiv 1606.04797), averaged over the classes that the batch holds."""
    known = (labels != void).unsqueeze(1)
    target = torch.zeros_like(probabilities).scatter_(1, labels.where(known[:, 0], 0).unsqueeze(1), 1.0) * known
    probabilities = probabilities * known
    overlap, total = (probabilities * target).sum((0, 2, 3)), (probabilities + target).sum((0, 2, 3))
    present = target.sum((0, 2, 3)) > 0
    dice = 2 * overlap / total.clamp(min=1)
    return ((1 - dice) * present).sum() / present.sum().clamp(min=1)
