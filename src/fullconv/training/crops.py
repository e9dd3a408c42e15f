"""Which part of a picture a crop shows: any; one with labels, where most of it has none; one with a rare class."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from fullconv.classes import VOID

SPARSE = 0.5  # share of a picture with labels: below it, crops are laid where they are


class RandomCrop(v2.RandomCrop):
    """torchvision's, laid over a pixel that is wanted where there is one; a share `focused` of the crops over one of
    a class other than the first, each class as often as another (as nnU-Net does, arXiv 1809.10486)."""

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
        """(H, W): pixels over one of which the crop is to lie; none where it may lie anywhere."""
        known = labels != VOID
        if self.focused and torch.rand(()) < self.focused:
            present = torch.bincount(labels[known & (labels != 0)]).nonzero().flatten()
            if len(present):
                return labels == int(present[torch.randint(len(present), ())])
        return known if known.float().mean() < SPARSE else torch.zeros_like(known)


def place(pixel: int, length: int, side: int) -> int:
    """Where a crop of `side` pixels begins that shows the pixel and stays within the length."""
    first, last = max(0, pixel - side + 1), min(pixel, length - side)
    return int(torch.randint(first, last + 1, ()))
