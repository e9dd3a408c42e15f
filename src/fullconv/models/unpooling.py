"""2x2 max pooling that remembers the position of each maximum, and its inverse (SegNet, section 3.2)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def pool(x: Tensor) -> tuple[Tensor, Tensor]:
    """(N, C, H, W) with even sides → the maxima (N, C, H/2, W/2), and the position of each among its four pixels, 0–3
    row by row."""
    windows = torch.unflatten(F.pixel_unshuffle(x, 2), 1, (x.shape[1], 4))  # (N, C, 4, H/2, W/2)
    maxima, taken = windows.max(2)  # the first of equal ones
    return maxima, taken


def unpool(x: Tensor, taken: Tensor) -> Tensor:
    """(N, C, h, w) → (N, C, 2h, 2w): every value at the position its maximum was taken from, zeros elsewhere."""
    places = torch.arange(4, device=x.device).view(1, 1, 4, 1, 1)
    windows = x.unsqueeze(2) * (taken.unsqueeze(2) == places)  # (N, C, 4, h, w)
    return F.pixel_shuffle(windows.flatten(1, 2), 2)
