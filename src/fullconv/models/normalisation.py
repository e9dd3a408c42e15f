"""Pixel values 0–255 → what the trunk was trained on; kept in the model, so that callers hand over plain RGB."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Normalisation(nn.Module):
    """(x - mean) / std per channel, in units of 0–255; uint8 or float in, float32 out."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """(N, C, H, W) of 0–255 → (N, C, H, W) float32."""
        return (image.float() - self.mean) / self.std
