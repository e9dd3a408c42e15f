"""Deconvolution that starts as bilinear interpolation (paper section 3.3), and the crop that follows it."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def bilinear_kernel(factor: int) -> Tensor:
    """(2·factor, 2·factor): the kernel with which a stride-`factor` deconvolution interpolates bilinearly."""
    size = 2 * factor
    ramp = 1 - (torch.arange(size) - (size - 1) / 2).abs() / factor
    return ramp[:, None] * ramp[None, :]


class Upsampling(nn.ConvTranspose2d):
    """Enlarges scores by `factor`, one bilinear kernel a class; fixed, or a start that training may leave.

    Gives (N, C, factor·H, factor·W): pixel centres stay where they are (kernel 2f, stride f, padding f/2).
    """

    def __init__(self, channels: int, factor: int, learned: bool = False) -> None:
        if factor < 2 or factor % 2:
            raise ValueError(f"factor {factor}: scores are enlarged by an even factor")
        super().__init__(channels, channels, 2 * factor, factor, factor // 2, groups=channels, bias=False)
        with torch.no_grad():
            self.weight.copy_(bilinear_kernel(factor).expand_as(self.weight))
        self.weight.requires_grad_(learned)


def crop_like(scores: Tensor, reference: Tensor, offset: int = 0) -> Tensor:
    """The window of `scores` that starts at `offset` and has the height and width of `reference`."""
    height, width = reference.shape[-2:]
    return scores[..., offset : offset + height, offset : offset + width]
