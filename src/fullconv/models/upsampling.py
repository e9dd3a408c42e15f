"""Deconvolution that starts as bilinear interpolation (paper section 3.3), and the crop that follows it."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def bilinear_kernel(factor: int, side: int = 0) -> Tensor:
    """(side, side): the kernel with which a stride-`factor` deconvolution interpolates bilinearly; side 2·factor or
    2·factor - 1."""
    side = side or 2 * factor
    ramp = 1 - (torch.arange(side) - (side - 1) / 2).abs() / factor
    return ramp[:, None] * ramp[None, :]


class Upsampling(nn.ConvTranspose2d):
    """Enlarges scores by `factor`, one bilinear kernel a class; fixed, or a start that training may leave.

    Padded, it gives (N, C, factor·H, factor·W) and pixel centres stay where they are (kernel 2f, stride f, padding
    f/2); unpadded, as in Caffe, it gives the whole of what the kernels write, for a crop to choose from.
    """

    def __init__(self, channels: int, factor: int, learned: bool = False, padded: bool = True, side: int = 0) -> None:
        if factor < 2 or factor % 2:
            raise ValueError(f"factor {factor}: scores are enlarged by an even factor")
        side = side or 2 * factor
        padding = factor // 2 if padded else 0
        super().__init__(channels, channels, side, factor, padding, groups=channels, bias=False)
        with torch.no_grad():
            self.weight.copy_(bilinear_kernel(factor, side).expand_as(self.weight))
        self.weight.requires_grad_(learned)


def crop_like(scores: Tensor, reference: Tensor, offset: int = 0) -> Tensor:
    """The window of `scores` that starts at `offset` and has the height and width of `reference`."""
    height, width = reference.shape[-2:]
    if offset == 0 and scores.shape[-2:] == reference.shape[-2:]:
        return scores
    return scores[..., offset : offset + height, offset : offset + width]
