"""Chooses the part of a picture for a crop: any; one with labels, if most of it has none; or one with a rare class."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from fullconv.classes import VOID

SPARSE = 0.5  # share of a picture with labels; below it, crops are placed where labels are


class RandomCrop(v2.RandomCrop):
    """torchvision's crop, placed over a wanted pixel if there is one. A share `focused` of the crops is placed over a
    class other than the first, with all such classes equally often (as in nnU-Net, arXiv 1809.10486)."""

    def __init__(self, side: int, fill: dict[type, int], focused: float = 0.0) -> None:
        super().__init__((side, side), pad_if_needed=True, fill=fill)
        self.focused = focused

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        params = super().make_params(flat_inputs)
        labels = next(one for one in flat_inputs if isinstance(one, tv_tensors.Mask)).as_subclass(Tensor)
        places = self.wanted(labels).nonzero() if params["needs_crop"] else labels.new_zeros(0, 2)
        if not len(places):
            return params
        y, x = places[int(torch.randint(len(places), ()))].tolist()
        left, top, right, bottom = params["padding"]
        height, width = labels.shape
        params["top"] = place(y + top, height + top + bottom, params["height"])
        params["left"] = place(x + left, width + left + right, params["width"])
        return params

    def wanted(self, labels: Tensor) -> Tensor:
        """(H, W): the crop must contain one of these pixels. None are set if it may be anywhere."""
        known = labels != VOID
        if self.focused and torch.rand(()) < self.focused:
            present = torch.bincount(labels[known & (labels != 0)]).nonzero().flatten()
            if len(present):
                return labels == int(present[torch.randint(len(present), ())])
        return known if known.float().mean() < SPARSE else torch.zeros_like(known)


def place(pixel: int, length: int, side: int) -> int:
    """Returns the start of a crop of `side` pixels that contains the pixel and stays within the length."""
    first, last = max(0, pixel - side + 1), min(pixel, length - side)
    return int(torch.randint(first, last + 1, ()))
