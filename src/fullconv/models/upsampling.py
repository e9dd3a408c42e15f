"""Deconvolution that starts as bilinear interpolation (paper section 3.3), and the crop that follows it."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def bilinear_kernel(factor: int, side: int = 0) -> Tensor:
    """Returns the kernel (side, side) with which a stride-`factor` deconvolution interpolates bilinearly; side is
    2·factor or 2·factor - 1."""
    side = side or 2 * factor
    ramp = 1 - (torch.arange(side) - (side - 1) / 2).abs() / factor
    return ramp[:, None] * ramp[None, :]


class Upsampling(nn.ConvTranspose2d):
    """Enlarges scores by `factor` with one bilinear kernel per class, which is fixed, or the start of training.

    Padded, it returns (N, C, factor·H, factor·W) and pixel centres stay in place (kernel 2f, stride f, padding f/2).
    Unpadded, as in Caffe, it returns everything that the kernels write, to be cropped.
    """

    def __init__(self, channels: int, factor: int, learned: bool = False, padded: bool = True, side: int = 0) -> None:
        if factor < 2 or factor % 2:
            raise ValueError(f"factor {factor}: scores can only be enlarged by an even factor")
        side = side or 2 * factor
        padding = factor // 2 if padded else 0
        super().__init__(channels, channels, side, factor, padding, groups=channels, bias=False)
        with torch.no_grad():
            self.weight.copy_(bilinear_kernel(factor, side).expand_as(self.weight))
        self.weight.requires_grad_(learned)
        self.is_bilinear = side == 2 * factor

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(N, C, H, W) → enlarged scores, the same on any device.

        On a GPU it interpolates, because GPU kernels for deconvolutions of one channel each are slow.
        """
        if input.device.type != "cuda" or self.weight.requires_grad or not self.is_bilinear:
            return super().forward(input, output_size)
        return self.interpolated(input)

    def interpolated(self, scores: Tensor) -> Tensor:
        """Returns the same as bilinear kernels, by interpolation. Beyond the border, a deconvolution sees zeros."""
        factor = self.stride[0]
        wide = F.interpolate(F.pad(scores, (1, 1, 1, 1)), scale_factor=factor, mode="bilinear")
        cut = factor // 2 + int(self.padding[0])
        return wide[..., cut : wide.shape[-2] - cut, cut : wide.shape[-1] - cut]

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        """Checks whether the kernels are bilinear before they move to a GPU, where reading them would make it wait."""
        side, factor = self.kernel_size[0], self.stride[0]
        if self.weight.device.type == "cpu" and side == 2 * factor:
            apart = self.weight.detach().float() - bilinear_kernel(factor)
            self.is_bilinear = bool(apart.abs().max() < 1e-3)
        return super()._apply(fn, recurse)  # type: ignore[no-untyped-call]


def crop_like(scores: Tensor, reference: Tensor, offset: int = 0) -> Tensor:
    """Returns the window of `scores` that starts at `offset` and has the height and width of `reference`."""
    height, width = reference.shape[-2:]
    if offset == 0 and scores.shape[-2:] == reference.shape[-2:]:
        return scores
    return scores[..., offset : offset + height, offset : offset + width]
