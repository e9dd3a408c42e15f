"""Pixel values 0–255 → the values the trunk was trained on. Part of the network, so callers pass plain RGB."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fullconv.models.config import NormalisationValues


class Normalisation(nn.Module):
    """(x - mean) / std per channel, in units of 0–255, with the channels in the network's order. Returns float32."""

    mean: Tensor
    std: Tensor
    places: Tensor

    def __init__(self, values: NormalisationValues) -> None:
        super().__init__()
        self.order = list(values.order)
        # On the model's device: a CUDA graph cannot be recorded while indices are copied from the processor's memory.
        self.register_buffer("places", torch.tensor(values.order, dtype=torch.long), persistent=False)
        self.register_buffer("mean", torch.tensor(values.mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(values.std).view(-1, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """(N, C, H, W) of 0–255 → (N, C, H, W) float32."""
        ordered = image.index_select(1, self.places) if self.order else image
        return (ordered.float() - self.mean) / self.std
