"""Pixel values 0–255 → what the trunk was trained on; kept in the model, so that callers hand over plain RGB."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fullconv.models.config import NormalisationValues


class Normalisation(nn.Module):
    """(x - mean) / std per channel, in units of 0–255, channels put in the network's order; float32 out."""

    mean: Tensor
    std: Tensor

    def __init__(self, values: NormalisationValues) -> None:
        super().__init__()
        self.order = list(values.order)
        self.register_buffer("mean", torch.tensor(values.mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(values.std).view(-1, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """(N, C, H, W) of 0–255 → (N, C, H, W) float32."""
        ordered = image[:, self.order] if self.order else image
        return (ordered.float() - self.mean) / self.std
