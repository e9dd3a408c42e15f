"""The best class of upsampled scores, computed in strips of rows so that the upsampled scores never all exist at
once."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from fullconv.models.geometry import side
from fullconv.models.upsampling import Upsampling, crop_like

# approximate number of enlarged scores held at one time; a photo of 384x512 with ten classes is one strip
VALUES = 2**21


def best_classes(scores: Tensor, upscore: Upsampling, reference: Tensor, offset: int = 0) -> Tensor:
    """Scores (N, classes, h, w) → class indices (N, H, W) uint8 with the height and width of `reference`.

    The result equals that of upsampling, cropping from `offset`, and taking the best class.
    """
    if scores.device.type == "cuda":  # it has enough memory, and is slow with many small pieces
        return best(crop_like(upscore(scores), reference, offset))
    number, classes, (height, width) = scores.shape[0], scores.shape[1], reference.shape[-2:]
    rows = max(VALUES // (number * classes * width), side(upscore.stride))
    labels = torch.empty(number, height, width, dtype=torch.uint8, device=scores.device)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        strip = enlarged_rows(scores, upscore, top + offset, bottom + offset)
        labels[:, top:bottom] = best(strip[..., offset : offset + width])
    return labels


def enlarged_rows(scores: Tensor, upscore: Upsampling, top: int, bottom: int) -> Tensor:
    """Returns rows `top` to `bottom` of upscore(scores), computed only from the rows of scores that they need."""
    kernel, stride, padding = side(upscore.kernel_size), side(upscore.stride), side(upscore.padding)
    first = max(-(-(top + padding - kernel + 1) // stride), 0)  # row y writes stride·y - padding … + kernel - 1
    last = (bottom - 1 + padding) // stride
    rows = scores[:, :, first : last + 1]
    written = F.conv_transpose2d(rows, upscore.weight, None, stride, (0, padding), groups=upscore.groups)
    start = top + padding - stride * first
    return written[:, :, start : start + bottom - top]


def best(scores: Tensor) -> Tensor:
    """Scores (N, classes, H, W) → class indices (N, H, W) uint8."""
    number, _, height, width = scores.shape
    flat = scores.flatten(2)  # two fifths of the time in OpenVINO, which reads one plane after another
    return flat.argmax(1).view(number, height, width).to(torch.uint8)
